//! Ports for the servers of one test. HAProxy shares a port with whoever has it (`SO_REUSEPORT`), so no two tests may be
//! given the same one.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range that outgoing connections take theirs from.
const FIRST: u32 = 10_000;
const COUNT: u32 = 20_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that nobody has, for TCP and UDP, and that no other call gives.
pub(crate) fn free_port() -> u16 {
    // Two runs side by side start at different places.
    let offset = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let port = FIRST + offset.wrapping_add(NEXT.fetch_add(1, Ordering::SeqCst)) % COUNT;
        let port = u16::try_from(port).expect("below 65536");
        let address = (Ipv4Addr::UNSPECIFIED, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}
