//! Real sockets on the loopback interface, driven by an engine that answers.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::time::Duration;

use door::{Datagrams, Path, PeerKey, Protocol};

mod tcp;

use super::*;
use crate::inlet::Inlet;
use crate::outlet::Outlet;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers by the first byte of a datagram: `e` echoes it; `b` sends numbered datagrams as the rest says; `w` says
/// which shard it is; `x` has another shard say so; `t` answers 5 ms later; `n` names a shard. What is received makes
/// one that is told to be calm no less so.
#[derive(Default)]
struct Echo {
    id: ShardId,
    calm: bool,
    late: Option<(Instant, Path)>,
    datagrams: Datagrams,
    notices: Vec<Notice>,
    messages: Vec<(ShardId, Path)>,
}

impl Engine for Echo {
    type Message = Path;

    fn receive(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        match *datagram {
            [b'e', ..] => self.datagrams.push(path, datagram),
            [b'b', count, len_tens, last_tens] => {
                for number in 0..count {
                    let tens = if number + 1 == count { last_tens } else { len_tens };
                    self.datagrams.push(path, &numbered(number, usize::from(tens) * 10));
                    let _ = self.datagrams.write(path, 9, |_| None);
                }
            }
            [b'w'] | [b'n', b'!', ..] => self.datagrams.push(path, &[self.id.0 as u8]),
            [b'x', to] => self.messages.push((ShardId(to.into()), path)),
            [b't'] => self.late = Some((now + Duration::from_millis(5), path)),
            _ => {}
        }
    }

    fn command(&mut self, _now: Instant, command: Command) {
        if let Command::RemovePeer(peer) = command {
            self.notices.push(Notice::PeerConnected(peer));
        }
    }

    fn message(&mut self, _now: Instant, from: ShardId, path: Path) {
        self.datagrams.push(path, &[self.id.0 as u8, from.0 as u8]);
    }

    fn advance(&mut self, now: Instant) {
        if let Some((_, path)) = self.late.take_if(|(due, _)| *due <= now) {
            self.datagrams.push(path, b"late");
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.late.map(|(due, _)| due)
    }

    fn is_calm(&mut self, _now: Instant) -> bool {
        self.calm
    }

    fn waiting_bytes(&self) -> usize {
        self.datagrams.bytes().len()
    }

    fn finish(&mut self, _: &mut dyn FnMut(&mut Datagrams)) {}

    fn outbox(&mut self) -> Outbox<'_, Path> {
        Outbox { datagrams: &mut self.datagrams, notices: &mut self.notices, messages: &mut self.messages }
    }

    fn home(datagram: &[u8]) -> Option<ShardId> {
        datagram.strip_prefix(b"h").and_then(|rest| rest.first()).map(|shard| ShardId((*shard).into()))
    }

    fn signpost() -> Option<Signpost> {
        const MARKS: &[Mark] = &[Mark { at: 0, value: u16::from_be_bytes(*b"n!") }];
        Some(Signpost { marks: MARKS, digits_at: 3 })
    }

    fn is_droppable(_: &Path) -> bool {
        true
    }
}

fn numbered(number: u8, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
    bytes[0] = number;
    bytes
}

fn config(shards: u16) -> Config {
    let shards = NonZeroU16::new(shards).unwrap();
    Config { shards, bind: vec![LOOPBACK], ports: Ports::Shared(0), tcp: Some(0), pin: false, offload: true }
}

fn echo(config: &Config) -> Running {
    try_echo(config).unwrap()
}

fn try_echo(config: &Config) -> Result<Running, NetError> {
    start(config, |id, _| Echo { id, ..Echo::default() }, |_| ())
}

fn client(server: SocketAddr) -> UdpSocket {
    let ip: IpAddr = if server.is_ipv4() { LOOPBACK } else { Ipv6Addr::LOCALHOST.into() };
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // The system's own size may be too small for a burst while other tests take the cores.
    socket::enlarge(socket.as_raw_fd(), libc::SO_RCVBUFFORCE, libc::SO_RCVBUF);
    socket
}

fn read(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2000];
    let len = socket.recv(&mut buffer).unwrap();
    buffer[..len].to_vec()
}

fn ask(socket: &UdpSocket, question: &[u8]) -> Vec<u8> {
    socket.send(question).unwrap();
    read(socket)
}

/// Counters of the first shard once its last turn is over; before, they lag behind what has arrived here.
fn finished(running: Running) -> NetStats {
    assert!(running.is_alive());
    let counters = running.shards[0].counters.clone();
    running.shutdown();
    counters.snapshot()
}

#[test]
fn datagrams_come_back_whole_and_in_order() {
    let running = echo(&config(1));
    let client = client(running.local_addrs(ShardId(0))[0]);
    for round in 0..20u8 {
        let sent: Vec<Vec<u8>> =
            (1..30u8).map(|len| [&[b'e', round][..], &vec![len; usize::from(len) * 40]].concat()).collect();
        sent.iter().for_each(|datagram| assert_eq!(client.send(datagram).unwrap(), datagram.len()));
        sent.iter().for_each(|datagram| assert_eq!(&read(&client), datagram));
    }
    let stats = finished(running);
    assert_eq!((stats.datagrams_in, stats.datagrams_out), (580, 580));
    assert_eq!(stats.bytes_in, stats.bytes_out);
}

#[test]
fn runs_arrive_as_the_datagrams_they_were() {
    for offload in [true, false] {
        let running = echo(&Config { offload, ..config(1) });
        let client = client(running.local_addrs(ShardId(0))[0]);
        for (count, len_tens, last_tens) in [(40u8, 120u8, 50u8), (64, 2, 2), (65, 3, 1), (130, 20, 20), (3, 10, 11)] {
            client.send(&[b'b', count, len_tens, last_tens]).unwrap();
            for number in 0..count {
                let tens = if number + 1 == count { last_tens } else { len_tens };
                assert!(read(&client) == numbered(number, usize::from(tens) * 10), "{number} of {count}");
            }
        }
        let stats = finished(running);
        assert_eq!((stats.datagrams_out, stats.send_refused, stats.send_full), (302, 0, 0));
    }
}

/// Sends `lens` from a socket to another, and gives what arrives there and what the sender counted.
fn carried(lens: &[usize], prepare: impl FnOnce(&Socket)) -> (Vec<Vec<u8>>, NetStats, NetStats) {
    let open = || Socket::open((LOOPBACK, 0).into(), false, true).unwrap();
    let (from, to) = ([open()], open());
    prepare(&from[0]);
    let mut datagrams = Datagrams::default();
    let path = Path { protocol: Protocol::Udp, local: from[0].local(), remote: to.local() };
    for (number, len) in (0..).zip(lens) {
        datagrams.push(path, &numbered(number, *len));
    }
    let (sent, received) = (Counters::default(), Counters::default());
    Outlet::new().flush(&from, &datagrams, &sent);
    let (mut inlet, mut arrived) = (Inlet::new(), Vec::new());
    for _ in 0..lens.len() {
        inlet.receive(&to, &received, |remote, datagram| {
            assert_eq!(remote, from[0].local());
            arrived.push(datagram.to_vec());
        });
    }
    (arrived, sent.snapshot(), received.snapshot())
}

#[test]
fn joined_datagrams_are_taken_apart() {
    let lens = [[1200; 9].as_slice(), &[700, 700, 30, 1200, 1200]].concat();
    let (arrived, sent, received) = carried(&lens, |_| ());
    let expected: Vec<_> = (0..).zip(&lens).map(|(number, len)| numbered(number, *len)).collect();
    assert!(arrived == expected);
    assert_eq!((sent.datagrams_out, received.datagrams_in), (14, 14));
    assert_eq!(sent.bytes_out, received.bytes_in);
    assert_eq!((sent.send_calls, sent.offload_refused), (1, 0));
}

#[test]
fn a_refused_run_goes_one_by_one() {
    // The kernel does not split datagrams for a socket that leaves out checksums.
    let without_checksums = |socket: &Socket| socket::set(socket.fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
    let (arrived, sent, _) = carried(&[500; 20], without_checksums);
    assert!(arrived == (0..20).map(|number| numbered(number, 500)).collect::<Vec<_>>());
    assert_eq!((sent.offload_refused, sent.datagrams_out, sent.send_refused), (1, 20, 0));
}

#[test]
fn what_cannot_be_sent_is_counted() {
    let (arrived, sent, _) = carried(&[100, 65_530, 200], |_| ());
    assert!(arrived == [numbered(0, 100), numbered(2, 200)]);
    assert_eq!((sent.send_refused, sent.datagrams_out), (1, 2));
}

#[test]
fn a_local_address_without_a_socket_is_counted() {
    let open = Socket::open((LOOPBACK, 0).into(), false, true).unwrap();
    let mut datagrams = Datagrams::default();
    let local = SocketAddr::from((LOOPBACK, 1));
    datagrams.push(Path { protocol: Protocol::Udp, local, remote: open.local() }, b"x");
    let counters = Counters::default();
    Outlet::new().flush(&[open], &datagrams, &counters);
    assert_eq!(counters.snapshot().send_unroutable, 1);
}

#[test]
fn a_vanished_peer_does_not_hold_up_the_others() {
    let running = echo(&config(1));
    let server = running.local_addrs(ShardId(0))[0];
    let gone = client(server);
    gone.send(b"bzzz").unwrap();
    drop(gone);
    let client = client(server);
    assert_eq!(ask(&client, b"e still"), b"e still");
    assert!(running.is_alive());
}

#[test]
fn a_sleeping_shard_hears_commands() {
    let (heard, notices) = mpsc::channel();
    let running = start(
        &config(2),
        |id, _| Echo { id, ..Echo::default() },
        move |notice| drop(heard.send((std::thread::current().name().map(str::to_owned), notice))),
    );
    let running = running.unwrap();
    for serial in 0..200 {
        let peer = PeerKey { shard: ShardId((serial % 2) as u16), serial };
        running.send(Command::RemovePeer(peer)).unwrap();
        let (thread, notice) = notices.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(notice, Notice::PeerConnected(key) if key == peer));
        assert_eq!(thread, Some(format!("shard-{}", peer.shard.0)));
    }
    let nowhere = PeerKey { shard: ShardId(9), serial: 0 };
    assert_eq!(running.send(Command::RemovePeer(nowhere)), Ok(()));
}

#[test]
fn shards_share_a_port_and_talk_to_each_other() {
    let running = echo(&config(2));
    let server = running.local_addrs(ShardId(0))[0];
    assert_eq!(running.local_addrs(ShardId(1)), [server]);
    assert!(running.local_addrs(ShardId(2)).is_empty());
    for _ in 0..20 {
        let client = client(server);
        let [own] = ask(&client, b"w")[..] else { panic!() };
        let other = 1 - own;
        assert_eq!(ask(&client, &[b'x', other]), [other, own]);
        // Nobody answers for a shard that does not exist, and nobody falls over.
        client.send(b"x\x07").unwrap();
    }
    assert_eq!(ask(&client(server), b"e"), b"e");
}

#[test]
fn what_names_its_shard_is_handed_to_it_by_the_kernel() {
    let bind = if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        vec![LOOPBACK, Ipv6Addr::LOCALHOST.into()]
    } else {
        vec![LOOPBACK]
    };
    let running = echo(&Config { bind, ..config(17) });
    for server in running.local_addrs(ShardId(0)) {
        for (name, shard) in [("0000", 0), ("0001", 1), ("0009", 9), ("000a", 10), ("000f", 15), ("0010", 16)] {
            // From several addresses, whose hashes differ.
            for _ in 0..5 {
                assert_eq!(ask(&client(*server), format!("n!.{name}:x").as_bytes()), [shard], "{name} at {server}");
            }
        }
        // What names no shard that there is, or is cut short, still reaches somebody.
        for datagram in ["n!.0011", "n!.ffff", "n!.zzzz", "n!.000", "w"] {
            assert!(ask(&client(*server), datagram.as_bytes())[0] < 17, "{datagram}");
        }
    }
}

#[test]
fn a_calm_shard_wakes_for_many_at_once() {
    let running = start(&config(1), |id, _| Echo { id, calm: true, ..Echo::default() }, |_| ()).unwrap();
    let client = client(running.local_addrs(ShardId(0))[0]);
    let began = Instant::now();
    for number in 0..100 {
        client.send(&[b'e', number]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    (0..100).for_each(|number| assert_eq!(read(&client), [b'e', number]));
    // The first is not waited with, and the last may have been in a portion of its own.
    let portions = began.elapsed().as_millis() / worker::GATHERING.as_millis() + 2;
    let calls = finished(running).receive_calls;
    assert!(u128::from(calls) <= portions, "{calls} calls for {portions} portions");
}

#[test]
fn each_shard_may_have_its_own_port() {
    let running = echo(&Config { ports: Ports::PerShard { start: 0 }, ..config(3) });
    let mut ports: Vec<_> = (0..3).map(|shard| running.local_addrs(ShardId(shard))[0].port()).collect();
    for shard in 0..3u8 {
        assert_eq!(ask(&client(running.local_addrs(ShardId(shard.into()))[0]), b"w"), [shard]);
    }
    ports.dedup();
    assert_eq!(ports.len(), 3);
}

#[test]
fn both_families_are_served() {
    let bind = vec![LOOPBACK, Ipv6Addr::LOCALHOST.into()];
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return;
    }
    let running = echo(&Config { bind, ..config(2) });
    for server in running.local_addrs(ShardId(1)) {
        assert_eq!(ask(&client(*server), b"e both"), b"e both");
    }
}

#[test]
fn counters_are_read_while_running() {
    assert_eq!(echo(&config(3)).stats().len(), 3);
}

#[test]
fn deadlines_are_kept_without_spinning() {
    let running = echo(&config(1));
    let client = client(running.local_addrs(ShardId(0))[0]);
    for _ in 0..5 {
        let asked = Instant::now();
        assert_eq!(ask(&client, b"t"), b"late");
        assert!(asked.elapsed() >= Duration::from_millis(5));
    }
    let stats = finished(running);
    assert!(stats.turns <= 20, "{} turns", stats.turns);
}

#[test]
fn shutdown_hears_what_was_said_before_and_frees_the_port() {
    let (heard, notices) = mpsc::channel();
    let make = |id, _| Echo { id, ..Echo::default() };
    let running = start(&config(2), make, move |notice| drop(heard.send(notice))).unwrap();
    let server = running.local_addrs(ShardId(0))[0];
    let commands = running.commands();
    for serial in 0..100 {
        commands.send(Command::RemovePeer(PeerKey { shard: ShardId((serial % 2) as u16), serial })).unwrap();
    }
    running.shutdown();
    assert_eq!(notices.iter().count(), 100);
    let again = echo(&Config { ports: Ports::Shared(server.port()), ..config(2) });
    assert_eq!(again.local_addrs(ShardId(1)), [server]);
}

#[test]
fn what_cannot_start_says_why() {
    let running = echo(&config(2));
    let ports = Ports::Shared(running.local_addrs(ShardId(0))[0].port());
    assert!(matches!(try_echo(&Config { ports, ..config(2) }), Err(NetError::IoListen { .. })));
    assert!(matches!(try_echo(&Config { ports, ..config(1) }), Err(NetError::IoListen { .. })));
    let ports = Ports::PerShard { start: 65535 };
    assert!(matches!(
        try_echo(&Config { ports, ..config(2) }),
        Err(NetError::ConfigPortRange { .. } | NetError::IoListen { .. })
    ));
    assert!(matches!(try_echo(&Config { bind: vec![], ..config(1) }), Err(NetError::ConfigAddresses(0))));
}

#[test]
fn pinned_threads_serve() {
    let running = echo(&Config { pin: true, ..config(2) });
    assert_eq!(ask(&client(running.local_addrs(ShardId(0))[0]), b"e"), b"e");
}
