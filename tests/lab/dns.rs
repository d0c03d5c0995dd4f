//! A DNS server on loopback, over UDP and TCP, that answers as CoreDNS does for headless Services: all ready pods,
//! NXDOMAIN where there is none, and truncation where an answer does not fit the asker's UDP size.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::ports::free_port;
use crate::support::HANGS;
use simple_dns::rdata::{A, AAAA, OPT, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// Datagrams beyond this do not arrive on every path, whatever the asker allows: loopback alone carries 64 KiB.
const UDP_PATH: u16 = 8192;

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Answers,
    /// Takes queries and says nothing.
    Silent,
    Refuses,
    /// Answers SERVFAIL, as CoreDNS does while it starts.
    Fails,
    /// Closes every TCP connection, as a Service without endpoints does.
    HangsUp,
    /// Takes queries over TCP and says nothing; answers over UDP. A known fault of DNS caches on nodes.
    TcpStalls,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    records: HashMap<String, Vec<IpAddr>>,
}

/// The server; it ends with the process.
#[derive(Clone, Debug)]
pub(crate) struct Dns {
    state: Arc<Mutex<State>>,
    pub(crate) port: u16,
}

impl Dns {
    pub(crate) fn start() -> Self {
        // Between the choice of a port and its use, another process may have taken it.
        let on_a_free_port = || Self::on((Ipv4Addr::LOCALHOST, free_port()).into());
        (0..20).find_map(|_| on_a_free_port()).expect("a free port for DNS")
    }

    /// A server at this address; none where it is taken.
    pub(crate) fn on(at: SocketAddr) -> Option<Self> {
        let (tcp, udp) = (TcpListener::bind(at).ok()?, UdpSocket::bind(at).ok()?);
        let port = at.port();
        let dns = Dns { state: Arc::new(Mutex::new(State { mood: Mood::Answers, records: HashMap::new() })), port };
        let server = dns.clone();
        thread::spawn(move || server.serve_udp(&udp));
        let server = dns.clone();
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || server.serve_tcp(stream));
            }
        });
        Some(dns)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of a name from now on.
    pub(crate) fn set(&self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.state().records.insert(name.to_owned(), addresses.into_iter().collect());
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.state().mood = mood;
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut buffer = vec![0; 65_535];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some((answer, udp_size)) = self.answer(&buffer[..length]) {
                let fits = answer.len() <= usize::from(udp_size.min(UDP_PATH));
                let answer = if fits { answer } else { truncated(&buffer[..length]) };
                let _ = socket.send_to(&answer, from);
            }
        }
    }

    /// Many queries over one connection, each with its length before it.
    fn serve_tcp(&self, mut stream: TcpStream) {
        let mut length = [0; 2];
        while self.state().mood != Mood::HangsUp && stream.read_exact(&mut length).is_ok() {
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            if stream.read_exact(&mut query).is_err() {
                return;
            }
            let answer = if self.state().mood == Mood::TcpStalls { None } else { self.answer(&query) };
            let Some((answer, _)) = answer else { continue };
            let Ok(size) = u16::try_from(answer.len()) else { continue };
            let mut framed = size.to_be_bytes().to_vec();
            framed.extend(answer);
            if stream.write_all(&framed).is_err() {
                return;
            }
        }
    }

    /// The answer to a query and the UDP size that the asker allows, or none where the server says nothing.
    fn answer(&self, query: &[u8]) -> Option<(Vec<u8>, u16)> {
        let query = Packet::parse(query).ok()?;
        let question = query.questions.first()?.clone();
        let udp_size = query.opt().map_or(512, |opt| opt.udp_packet_size.max(512));
        let state = self.state();
        let mut reply = Packet::new_reply(query.id());
        reply.set_flags(
            PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE,
        );
        match state.mood {
            Mood::Silent | Mood::HangsUp => return None,
            Mood::Refuses => *reply.rcode_mut() = RCODE::Refused,
            Mood::Fails => *reply.rcode_mut() = RCODE::ServerFailure,
            Mood::Answers | Mood::TcpStalls => {
                let known = state.records.get(question.qname.to_string().trim_end_matches('.'));
                // CoreDNS says the same of a headless Service without endpoints as of no Service.
                if known.is_none_or(Vec::is_empty) {
                    *reply.rcode_mut() = RCODE::NameError;
                }
                let record = |data| ResourceRecord::new(question.qname.clone(), CLASS::IN, 5, data);
                reply.answers = known
                    .into_iter()
                    .flatten()
                    .filter_map(|address| match (address, question.qtype) {
                        (IpAddr::V4(address), QTYPE::TYPE(TYPE::A)) => Some(record(RData::A(A::from(*address)))),
                        (IpAddr::V6(address), QTYPE::TYPE(TYPE::AAAA)) => {
                            Some(record(RData::AAAA(AAAA::from(*address))))
                        }
                        _ => None,
                    })
                    .collect();
            }
        }
        drop(state);
        reply.questions.push(question);
        if query.opt().is_some() {
            *reply.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: 65_535, version: 0 });
        }
        Some((reply.build_bytes_vec_compressed().ok()?, udp_size))
    }
}

/// The answer that says: ask again over TCP.
fn truncated(query: &[u8]) -> Vec<u8> {
    let Ok(query) = Packet::parse(query) else { return Vec::new() };
    let mut reply = Packet::new_reply(query.id());
    reply.set_flags(PacketFlag::TRUNCATION | PacketFlag::RECURSION_AVAILABLE);
    reply.questions.clone_from(&query.questions);
    reply.build_bytes_vec_compressed().unwrap_or_default()
}

/// Waits until the condition holds, and tells whether it ever did.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    while start.elapsed() < HANGS {
        if condition() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    condition()
}
