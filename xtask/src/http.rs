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

/// Asks loopback's `port` and reads the whole answer.
pub(crate) fn get(port: u16, path: &str) -> io::Result<Answer> {
    ask(port, &format!("GET {path}"), &[], "")
}

/// Sends a body to loopback's `port` and reads the whole answer.
pub(crate) fn post(port: u16, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    ask(port, &format!("POST {path}"), headers, body)
}

fn ask(port: u16, line: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = format!("{line} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    read(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

/// A whole answer; a chunked body keeps the lengths of its chunks.
fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

/// Does anybody listen on loopback's `port`?
pub(crate) fn accepts(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
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

const PATIENCE: Duration = Duration::from_secs(2);
const START_LIMIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn status_and_body_are_read_from_a_real_answer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\nbody") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy").unwrap();
            String::from_utf8(request).unwrap()
        });
        let answer = post(port, "/health", &[("x-a", "b")], "body").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "busy"));
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /health HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nx-a: b\r\n") && request.contains("\r\ncontent-length: 4\r\n"), "{request}");
        assert!(get(port, "/health").is_err(), "nobody listens any more");
        assert!(!accepts(port));
    }

    #[test]
    fn what_is_not_http_has_no_status() {
        assert!(read("SSH-2.0-abcd\r\n\r\n").is_none());
        assert!(read("HTTP/1.1 200 OK\r\n").is_none(), "the head may not be whole yet");
    }
}
