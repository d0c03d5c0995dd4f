//! A client of the fleet: connects, says something, waits for a builder's greeting, builds.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::pods::GREETING;
use crate::support::HANGS;

#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
}

/// What became of a client's wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wait {
    Served,
    /// The load balancer closed the connection.
    Closed,
    StillWaiting,
}

impl Client {
    /// Connects and sends the first byte of a build.
    pub(crate) fn build(port: u16) -> Self {
        let client = Self::silent(port);
        let _ = (&client.stream).write_all(b"P");
        client
    }

    /// Like `build`, from this address and port: the frontend must expect the PROXY protocol.
    pub(crate) fn build_from(port: u16, [a, b, c, d]: [u8; 4], from: u16) -> Self {
        let client = Self::silent(port);
        // In one piece: HAProxy does not wait for the rest of a header.
        let header = format!("PROXY TCP4 {a}.{b}.{c}.{d} 127.0.0.1 {from} {port}\r\nP");
        let _ = (&client.stream).write_all(header.as_bytes());
        client
    }

    /// Connects and sends nothing.
    pub(crate) fn silent(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the load balancer listens");
        Client { stream }
    }

    /// Waits until it is served or the load balancer closes the connection, which `timeout queue` does in the end.
    pub(crate) fn outcome(&self) -> Wait {
        self.wait(HANGS)
    }

    /// Waits for the greeting, no longer than this.
    pub(crate) fn wait(&self, patience: Duration) -> Wait {
        let until = Instant::now() + patience;
        let mut greeting = [0; GREETING.len()];
        let mut got = 0;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wait::StillWaiting;
            }
            let _ = self.stream.set_read_timeout(Some(left));
            match (&self.stream).read(&mut greeting[got..]) {
                Ok(0) => return Wait::Closed,
                Ok(n) if got + n == greeting.len() => return Wait::Served,
                Ok(n) => got += n,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Wait::StillWaiting;
                }
                Err(_) => return Wait::Closed,
            }
        }
    }

    pub(crate) fn is_served(&self) -> bool {
        self.outcome() == Wait::Served
    }

    /// Whether a running build still gets answers.
    pub(crate) fn is_alive(&self) -> bool {
        let _ = self.stream.set_read_timeout(Some(HANGS));
        let mut byte = [0];
        (&self.stream).write_all(b"x").is_ok() && matches!((&self.stream).read(&mut byte), Ok(1)) && byte == *b"x"
    }

    /// Sends more than the buffers on the way take.
    pub(crate) fn flood(&self) {
        let _ = self.stream.set_write_timeout(Some(Duration::from_secs(1)));
        while (&self.stream).write_all(&[b'x'; 8_192]).is_ok() {}
    }

    pub(crate) fn port(&self) -> u16 {
        self.stream.local_addr().expect("connected").port()
    }
}
