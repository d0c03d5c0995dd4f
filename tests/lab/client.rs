//! A client of the fleet: connects, says something, waits for a builder's greeting, builds.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::pods::GREETING;

#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    start: Instant,
}

/// What became of a client's wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wait {
    Served(Duration),
    /// The load balancer closed the connection.
    Closed(Duration),
    StillWaiting,
}

impl Client {
    /// Connects and sends the first byte of a build.
    pub(crate) fn build(port: u16) -> Self {
        let client = Self::silent(port);
        let _ = (&client.stream).write_all(b"P");
        client
    }

    /// Connects and sends nothing.
    pub(crate) fn silent(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the load balancer listens");
        Client { stream, start: Instant::now() }
    }

    /// Waits for the greeting.
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
                Ok(0) => return Wait::Closed(self.start.elapsed()),
                Ok(n) if got + n == greeting.len() => return Wait::Served(self.start.elapsed()),
                Ok(n) => got += n,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Wait::StillWaiting;
                }
                Err(_) => return Wait::Closed(self.start.elapsed()),
            }
        }
    }

    pub(crate) fn is_served(&self, patience: Duration) -> bool {
        matches!(self.wait(patience), Wait::Served(_))
    }

    /// Whether a running build still gets answers.
    pub(crate) fn is_alive(&self) -> bool {
        let _ = self.stream.set_read_timeout(Some(Duration::from_secs(3)));
        let mut byte = [0];
        (&self.stream).write_all(b"x").is_ok() && matches!((&self.stream).read(&mut byte), Ok(1)) && byte == *b"x"
    }

    pub(crate) fn port(&self) -> u16 {
        self.stream.local_addr().expect("connected").port()
    }
}
