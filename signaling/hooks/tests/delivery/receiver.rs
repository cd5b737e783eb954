//! A receiver that keeps what it gets and answers as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// Which connection brought it.
    pub(crate) connection: usize,
}

/// What is written for the n-th request, counted from 0.
type Script = Arc<dyn Fn(usize, &Request) -> String + Send + Sync>;

pub(crate) struct Receiver {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    count: watch::Receiver<usize>,
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

pub(crate) fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n")
}

impl Receiver {
    pub(crate) async fn start(script: impl Fn(usize, &Request) -> String + Send + Sync + 'static) -> Self {
        Self::with_tls(None, script).await
    }

    /// At an address that was free a moment ago.
    pub(crate) async fn at(
        address: std::net::SocketAddr,
        script: impl Fn(usize, &Request) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind(address).await.expect("the port is free"), None, script)
    }

    pub(crate) async fn with_tls(
        tls: Option<tokio_rustls::TlsAcceptor>,
        script: impl Fn(usize, &Request) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a port"), tls, script)
    }

    fn on(
        listener: TcpListener,
        tls: Option<tokio_rustls::TlsAcceptor>,
        script: impl Fn(usize, &Request) -> String + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().expect("an address").port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (counter, count) = watch::channel(0);
        let (kept, counter, script) = (Arc::clone(&requests), Arc::new(counter), Arc::new(script) as Script);
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { break };
                let (kept, counter, script, tls) = (Arc::clone(&kept), counter.clone(), script.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection, &kept, &counter, &script).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, connection, &kept, &counter, &script).await,
                            // A client that does not trust us.
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { port, requests, count }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Waits for so many requests in all and answers them.
    pub(crate) async fn requests(&self, count: usize) -> Vec<Request> {
        self.count.clone().wait_for(|there| *there >= count).await.expect("the receiver lives");
        self.requests.lock().unwrap().clone()
    }

    pub(crate) async fn bodies(&self, count: usize) -> Vec<String> {
        self.requests(count).await.into_iter().map(|request| request.body).collect()
    }

    pub(crate) fn so_far(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    kept: &Mutex<Vec<Request>>,
    counter: &watch::Sender<usize>,
    script: &Script,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let line = lines.remove(0);
        let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: BTreeMap<String, String> = lines.iter().filter_map(header).collect();
        let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
        let request = Request { line, headers, body: String::from_utf8(body).ok()?, connection };
        let answer = {
            let mut kept = kept.lock().unwrap();
            let answer = script(kept.len(), &request);
            kept.push(request);
            counter.send_replace(kept.len());
            answer
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
    }
}
