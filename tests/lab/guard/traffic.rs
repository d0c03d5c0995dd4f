//! Clients of the load balancers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::dns::eventually;
use crate::guard::pod::{Pod, total};
use crate::support::HANGS;

/// A build that has a pod.
pub(super) struct Build {
    stream: TcpStream,
}

impl Build {
    /// Asks for a build, as a client that waits as long as it takes. None if the load balancer closes the connection.
    pub(super) fn ask(at: SocketAddr) -> Option<Self> {
        let mut stream = TcpStream::connect_timeout(&at, HANGS).ok()?;
        stream.set_read_timeout(Some(HANGS)).ok()?;
        stream.write_all(b"P").ok()?;
        let mut greeting = [0; 2];
        stream.read_exact(&mut greeting).ok()?;
        (greeting == *b"ok").then_some(Build { stream })
    }

    /// Like `ask`, again and again, as bk-build does.
    pub(super) fn insist(at: SocketAddr) -> Self {
        let mut build = None;
        assert!(
            eventually(|| {
                build = Build::ask(at);
                build.is_some()
            }),
            "no build at {at}"
        );
        build.expect("it was there")
    }

    pub(super) fn is_alive(&self) -> bool {
        let mut byte = [0];
        (&self.stream).write_all(b"x").is_ok() && matches!((&self.stream).read(&mut byte), Ok(1)) && byte == *b"x"
    }
}

/// Runs clients one after the other on each of so many threads until pods have had so many builds, each through one of
/// the load balancers. A build takes 5 to 120 ms, the same in every run.
pub(super) fn build_until(count: usize, threads: usize, lbs: &[SocketAddr], pods: &[Pod]) -> usize {
    let (lost, next) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while total(pods).builds < count {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    let mixed = n.wrapping_mul(2_654_435_761);
                    let Some(build) = Build::ask(lbs[(mixed >> 7) % lbs.len()]) else {
                        lost.fetch_add(1, Ordering::SeqCst);
                        continue;
                    };
                    thread::sleep(Duration::from_millis(5 + u64::try_from((mixed >> 11) % 116).unwrap_or_default()));
                    if !build.is_alive() {
                        lost.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    lost.into_inner()
}
