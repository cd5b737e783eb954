//! The address that the world outside a NAT sees, asked of a STUN server (RFC 8489 section 2).

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::config::Rtc;

/// How long all servers together may take: the start waits for it.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// A request is sent again after so long.
const REPEAT: Duration = Duration::from_millis(500);
const MAGIC_COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 1;
const HEADER_BYTES: usize = 20;
const ANSWER_BYTES_MAX: usize = 1500;

/// Asks the configured servers in turn. Not knowing is no reason to stop: a warning names the way out.
pub(crate) async fn find(rtc: &Rtc) -> Vec<IpAddr> {
    if !rtc.use_external_ip || !rtc.node_ips.is_empty() {
        return Vec::new();
    }
    if rtc.stun_servers.is_empty() {
        tracing::warn!("rtc.use_external_ip needs rtc.stun_servers; name the address itself with rtc.node_ip");
        return Vec::new();
    }
    let until = Instant::now() + ANSWER_MAX;
    for server in &rtc.stun_servers {
        if let Ok(Some(ip)) = timeout_at(until, ask(&server.0)).await {
            tracing::info!(%ip, server = server.0, "external address found");
            return vec![ip];
        }
    }
    tracing::warn!("no STUN server told the external address; name it with rtc.node_ip");
    Vec::new()
}

async fn ask(server: &str) -> Option<IpAddr> {
    let address = lookup_host(server).await.ok()?.find(std::net::SocketAddr::is_ipv4)?;
    let socket = UdpSocket::bind(("0.0.0.0", 0)).await.ok()?;
    socket.connect(address).await.ok()?;
    let transaction: [u8; 12] = rand::random();
    let mut answer = [0; ANSWER_BYTES_MAX];
    loop {
        socket.send(&request(&transaction)).await.ok()?;
        let until = Instant::now() + REPEAT;
        while let Ok(received) = timeout_at(until, socket.recv(&mut answer)).await {
            let message = wire::stun::Message::parse(&answer[..received.ok()?]);
            let ours = message.filter(|message| message.transaction == transaction);
            if let Some(mapped) = ours.and_then(|message| message.mapped) {
                return Some(mapped.ip());
            }
        }
    }
}

fn request(transaction: &[u8; 12]) -> [u8; HEADER_BYTES] {
    let mut request = [0; HEADER_BYTES];
    request[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    request[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    request[8..].copy_from_slice(transaction);
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, HostPort, Sources};

    fn rtc(server: &str) -> Rtc {
        let rtc = Config::read(&Sources::default()).unwrap().0.rtc;
        Rtc { use_external_ip: true, stun_servers: vec![HostPort(server.into())], ..rtc }
    }

    /// Answers one request with 203.0.113.9:1234, XOR-masked (RFC 8489 section 14.2).
    async fn stun_server(socket: UdpSocket) {
        let mut buffer = [0; 64];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        assert_eq!(length, HEADER_BYTES);
        let ip = u32::from_be_bytes([203, 0, 113, 9]) ^ MAGIC_COOKIE;
        let port = 1234 ^ 0x2112_u16;
        let mut answer = buffer[..HEADER_BYTES].to_vec();
        answer[..4].copy_from_slice(&[1, 1, 0, 12]);
        answer.extend([0, 0x20, 0, 8, 0, 1]);
        answer.extend(port.to_be_bytes());
        answer.extend(ip.to_be_bytes());
        socket.send_to(&answer, from).await.unwrap();
    }

    #[tokio::test]
    async fn a_server_tells_the_address() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let server = tokio::spawn(stun_server(socket));
        assert_eq!(find(&rtc(&address)).await, ["203.0.113.9".parse::<IpAddr>().unwrap()]);
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_no_reason_to_stop() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(find(&rtc(&silent.local_addr().unwrap().to_string())).await, Vec::<IpAddr>::new());
    }
}
