//! The child alone, for this crate's tests and examples; the product starts itself with `transcode-child`. With a word, it
//! does within the same limits what a child does that a stranger has taken over.

use std::fs;
use std::io::{self, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, ExitCode};

/// What the bomb takes at once, bytes.
const BITE: usize = 16 << 20;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("bomb") => bomb(),
        Some("spin") => spin(),
        Some("break-out") => break_out(),
        _ => transcode::child::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("thalweg-transcode-child: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes memory without an end, and tells how many bytes.
fn bomb() -> io::Result<()> {
    transcode::limits::apply()?;
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![0; BITE]);
        eprintln!("{}", held.len() * BITE);
    }
}

/// Works without an end.
fn spin() -> io::Result<()> {
    transcode::limits::apply()?;
    loop {
        std::hint::spin_loop();
    }
}

/// Tries what no codec does, and tells what it could.
fn break_out() -> io::Result<()> {
    transcode::limits::apply()?;
    let tries = [
        ("read a file", fs::read_to_string("/etc/hostname").is_ok()),
        ("write a file", fs::write("/tmp/thalweg-broken-out", "x").is_ok()),
        ("list a folder", fs::read_dir("/").is_ok()),
        ("connect", TcpStream::connect("127.0.0.1:9").is_err_and(|error| error.raw_os_error() != Some(1))),
        ("bind", UdpSocket::bind("127.0.0.1:0").is_ok()),
        ("start a program", Command::new("/bin/true").status().is_ok()),
        ("start a thread", std::thread::Builder::new().spawn(|| ()).is_ok()),
    ];
    for (what, _) in tries.iter().filter(|(_, could)| *could) {
        println!("{what}");
    }
    io::stdout().flush()
}
