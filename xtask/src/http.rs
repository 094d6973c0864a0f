//! Questions to a server on loopback: does it listen, and what does it answer?

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::process::{Service, interrupt};
use crate::progress::Step;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The status with which loopback's `port` answers `GET path`; nothing while nobody answers in time.
pub(crate) fn status(port: u16, path: &str) -> Option<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n").ok()?;
    let mut head = [0; STATUS_LINE];
    stream.read_exact(&mut head).ok()?;
    parse(&head)
}

/// Does anybody listen on loopback's `port`?
pub(crate) fn accepts(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

/// Sends a body to loopback's `port` and reads the whole answer.
pub(crate) fn post(port: u16, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.as_bytes().first_chunk::<STATUS_LINE>().and_then(|head| parse(head));
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some((_, body))) => Ok(Answer { status, body: body.to_owned() }),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP")),
    }
}

/// Waits until a program that was just started listens on loopback's `port`.
pub(crate) fn await_listener(port: u16, service: &mut Service, step: &mut Step) -> Result<()> {
    let started = Instant::now();
    while !accepts(port) {
        interrupt::check()?;
        service.check()?;
        if started.elapsed() > START_LIMIT {
            let limit = START_LIMIT.as_secs();
            let output = service.recent_output();
            return Err(Failure::new(format!("{} did not listen within {limit} s", service.name())).with_output(output));
        }
        step.tick(&service.latest());
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn parse(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head).ok()?;
    line.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()
}

const PATIENCE: Duration = Duration::from_secs(2);
const START_LIMIT: Duration = Duration::from_secs(60);
/// `HTTP/1.1 200`
const STATUS_LINE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_status_is_read_from_a_real_answer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 11];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").unwrap();
            request
        });
        assert_eq!(status(port, "/health"), Some(503));
        assert_eq!(&server.join().unwrap(), b"GET /health");
        assert_eq!(status(port, "/health"), None, "nobody listens any more");
        assert!(!accepts(port));
    }

    #[test]
    fn what_is_not_http_has_no_status() {
        assert_eq!(parse(b"SSH-2.0-abcd"), None);
    }
}
