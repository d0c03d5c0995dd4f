//! Stands in for buildkitd in a network namespace of its own, on the ports that it has in a pod. Each connection for builds
//! is answered with `ok` and then with what it sends, until it ends. On stdout, a line for each event: `ready`; `start N`
//! with the number of builds that it finds running; `end`; `check`, where a connection for checks came to stand.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

const BUILDS: u16 = 1234;
const METRICS: u16 = 9090;
const CHECKS: u16 = 8406;

/// Where there is no IPv6, IPv4 alone.
fn listen(port: u16) -> std::io::Result<TcpListener> {
    let any = [SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))];
    TcpListener::bind(&any[..])
}

fn tell(event: &str) {
    let mut out = std::io::stdout().lock();
    // Who no longer reads has ended the test.
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}

/// Whether the other side still has its connection: the thread that reads it may not have come to its end yet.
fn is_open(stream: &TcpStream) -> bool {
    let _ = stream.set_nonblocking(true);
    let peeked = stream.peek(&mut [0]);
    let _ = stream.set_nonblocking(false);
    match peeked {
        Ok(length) => length > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

fn build(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let mut answer: &[u8] = b"ok";
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                if answer.is_empty() {
                    answer = &buffer[..length];
                }
                if stream.write_all(answer).is_err() {
                    break;
                }
                answer = &[];
            }
            // The look at whether it is open makes it non-blocking for a moment.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            Err(_) => break,
        }
    }
}

fn main() -> std::io::Result<()> {
    let (builds, checks, metrics) = (listen(BUILDS)?, listen(CHECKS)?, listen(METRICS)?);
    thread::spawn(move || {
        let mut standing = Vec::new();
        for stream in checks.incoming().flatten() {
            tell("check");
            standing.push(stream);
        }
    });
    thread::spawn(move || {
        let mut scrapers = Vec::new();
        scrapers.extend(metrics.incoming().flatten());
    });
    tell("ready");
    let running: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    for stream in builds.incoming().flatten() {
        let Ok(kept) = stream.try_clone() else { continue };
        let mut others = running.lock().unwrap_or_else(PoisonError::into_inner);
        others.retain(is_open);
        tell(&format!("start {}", others.len()));
        others.push(kept);
        let running = Arc::clone(&running);
        thread::spawn(move || {
            let peer = stream.peer_addr().ok();
            build(stream);
            running
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|other| other.peer_addr().ok() != peer && other.peer_addr().is_ok());
            tell("end");
        });
    }
    Ok(())
}
