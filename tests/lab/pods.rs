//! Fake buildkitd pods: each listens on its own loopback address, and counts the builds that it has at one time. A
//! build is a connection on which something was sent; a health check sends nothing.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What a pod tells a client that has it.
pub(crate) const GREETING: &[u8] = b"ok";

#[derive(Debug, Default)]
struct Pod {
    running: usize,
    most: usize,
    served: usize,
    connections: Vec<TcpStream>,
}

/// All pods of one test.
#[derive(Clone, Debug)]
pub(crate) struct Pods {
    pub(crate) port: u16,
    by_address: Arc<Mutex<HashMap<Ipv4Addr, Pod>>>,
    alive: Arc<Mutex<HashMap<Ipv4Addr, Arc<AtomicBool>>>>,
}

/// The n-th pod's address. All of 127.0.0.0/8 is local.
pub(crate) fn address(n: usize) -> Ipv4Addr {
    let n = u32::try_from(n).expect("few pods");
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 77, 0, 1)) + n)
}

/// The same address as an IPv6 record names it: it needs no IPv6 address on the machine, and HAProxy treats it as IPv6.
pub(crate) fn mapped(address: Ipv4Addr) -> IpAddr {
    IpAddr::V6(address.to_ipv6_mapped())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pods {
    pub(crate) fn new(port: u16) -> Self {
        Pods { port, by_address: Arc::default(), alive: Arc::default() }
    }

    /// One listener for every address: pods that are only to be UP.
    pub(crate) fn start_everywhere(&self) {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.port)).expect("the pods' port is free");
        let alive = Arc::new(AtomicBool::new(true));
        locked(&self.alive).insert(Ipv4Addr::UNSPECIFIED, Arc::clone(&alive));
        self.serve(listener, alive);
    }

    pub(crate) fn start(&self, address: Ipv4Addr) {
        let listener = TcpListener::bind((address, self.port)).expect("the pod's address is free");
        let alive = Arc::new(AtomicBool::new(true));
        locked(&self.alive).insert(address, Arc::clone(&alive));
        self.serve(listener, alive);
    }

    /// The pod is gone: its port refuses, its connections break.
    pub(crate) fn crash(&self, address: Ipv4Addr) {
        if let Some(alive) = locked(&self.alive).remove(&address) {
            alive.store(false, Ordering::SeqCst);
        }
        // The listener closes when its thread looks next.
        thread::sleep(Duration::from_millis(30));
        if let Some(pod) = locked(&self.by_address).get_mut(&address) {
            for connection in pod.connections.drain(..) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
    }

    /// Every listener closes.
    pub(crate) fn stop(&self) {
        for alive in locked(&self.alive).values() {
            alive.store(false, Ordering::SeqCst);
        }
    }

    fn serve(&self, listener: TcpListener, alive: Arc<AtomicBool>) {
        listener.set_nonblocking(true).expect("a socket can poll");
        let pods = self.clone();
        thread::spawn(move || {
            while alive.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let pods = pods.clone();
                        thread::spawn(move || pods.talk(stream));
                    }
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
    }

    fn talk(&self, mut stream: TcpStream) {
        let _ = stream.set_nonblocking(false);
        let Ok(IpAddr::V4(address)) = stream.local_addr().map(|local| local.ip()) else { return };
        let mut byte = [0];
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return;
        }
        {
            let mut pods = locked(&self.by_address);
            let pod = pods.entry(address).or_default();
            pod.running += 1;
            pod.served += 1;
            pod.most = pod.most.max(pod.running);
            pod.connections.extend(stream.try_clone());
        }
        let _ = stream.write_all(GREETING);
        // Sends back what comes, until the client has done.
        while let Ok(1) = stream.read(&mut byte) {
            let _ = stream.write_all(&byte);
        }
        if let Some(pod) = locked(&self.by_address).get_mut(&address) {
            pod.running -= 1;
        }
        // `connections` has a handle of its own, which would keep the socket open.
        let _ = stream.shutdown(Shutdown::Both);
    }

    pub(crate) fn running(&self, address: Ipv4Addr) -> usize {
        locked(&self.by_address).get(&address).map_or(0, |pod| pod.running)
    }

    /// Most builds that any one pod had at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        locked(&self.by_address).values().map(|pod| pod.most).max().unwrap_or(0)
    }

    pub(crate) fn served(&self) -> usize {
        locked(&self.by_address).values().map(|pod| pod.served).sum()
    }
}
