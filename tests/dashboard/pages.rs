//! Pages of exporters that cannot run here, with the names and labels of the real ones. `RISING` in a page is a counter: the
//! number of times that the page was read.
//!
//! Sources: kube-state-metrics 2.16 (docs/metrics), cAdvisor in the kubelet of 1.35, node-exporter 1.9, Karpenter 1.14
//! (pkg/controllers/metrics/nodepool), KEDA 2.20 (pkg/metricscollector/prommetrics.go).

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use crate::support;

/// Serves the pages until the process ends; returns the port.
pub(crate) fn serve() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut reads = 0;
        for stream in listener.incoming().flatten() {
            reads += 1;
            let _ = answer(stream, reads);
        }
    });
    port
}

/// `GET /keda.txt?scope=global HTTP/1.1`
fn answer(stream: TcpStream, reads: u32) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    // A connection that is closed with unread bytes is reset, and the answer lost.
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let name = request.split([' ', '?']).nth(1).and_then(|path| path.strip_prefix('/')).unwrap_or_default();
    let page = support::read(&format!("tests/dashboard/pages/{name}")).replace("RISING", &reads.to_string());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
    write!(reader.get_mut(), "{head}Content-Length: {}\r\n\r\n{page}", page.len())
}
