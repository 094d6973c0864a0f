//! Which addresses of others are fetched: the guard against requests into private networks.
//!
//! Only what every reader of URLs reads alike is taken; anything ambiguous is refused, so that the platform
//! cannot go anywhere else than what was checked here. Not seen here: where a name leads. A platform that can
//! reach private networks checks the resolved address itself (see [`Outbound::foreign`](crate::host::Outbound::foreign)).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::config::ImageUrls;

/// An absolute http(s) address that may be fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    scheme: &'static str,
    /// Host and, where it is not the scheme's own, port.
    authority: String,
    /// From the first slash on, without the fragment.
    path: String,
    query: Option<String>,
    /// Whether the operator named this host.
    named: bool,
}

impl Address {
    /// Reads and judges an address.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence about the URL.
    pub(crate) fn read(text: &str, allowed: &ImageUrls) -> Result<Self, String> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.len() > MAX_URL {
            return Err(format!("is longer than {MAX_URL} bytes"));
        }
        if text.chars().any(|letter| letter.is_control() || letter == '\\') {
            return Err("holds a control character or a backslash".into());
        }
        let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        let (scheme, rest) = match (text.get(7..), text.get(8..)) {
            (Some(rest), _) if lower.starts_with("http://") => ("http", rest),
            (_, Some(rest)) if lower == "https://" => ("https", rest),
            _ => return Err("must begin with http:// or https://".into()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (host, port) = split(authority)?;
        let port = port.unwrap_or(if scheme == "http" { 80 } else { 443 });
        let host = judge(host, port, allowed)?;
        let named = allowed.names(&host, port);
        let usual = port == if scheme == "http" { 80 } else { 443 };
        let authority = if usual { host } else { format!("{host}:{port}") };
        let rest = rest.split('#').next().unwrap_or("");
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(encoded(query))),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/".to_owned() } else { encoded(path) };
        Ok(Self { scheme, authority, path, query, named })
    }

    /// Where a redirect leads, judged anew.
    ///
    /// # Errors
    /// As [`Address::read`].
    pub(crate) fn join(&self, location: &str, allowed: &ImageUrls) -> Result<Self, String> {
        let Self { scheme, authority, path, .. } = self;
        let location = location.trim();
        let colon = location.find([':', '/', '?', '#']).filter(|&at| location.get(at..=at) == Some(":"));
        let folder = path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or("/");
        let target = match location {
            _ if colon.is_some() => location.to_owned(),
            _ if location.starts_with("//") => format!("{scheme}:{location}"),
            _ if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
            _ if location.starts_with('?') => format!("{scheme}://{authority}{path}{location}"),
            "" => return Err("has no Location".into()),
            _ => format!("{scheme}://{authority}{folder}{location}"),
        };
        Self::read(&target, allowed)
    }

    /// Whether where its name leads is still to be judged: see [`Outbound::foreign`](crate::host::Outbound::foreign).
    pub(crate) fn is_foreign(&self) -> bool {
        !self.named
    }

    /// The whole address.
    pub(crate) fn url(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.shown()),
            None => self.shown(),
        }
    }

    /// The address for logs and errors: without its query, which may hold a signature.
    pub(crate) fn shown(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// Host and port of an authority. A user name or password is refused: it would be sent to whoever answers.
fn split(authority: &str) -> Result<(&str, Option<u16>), String> {
    if authority.contains(['@', '%']) {
        return Err("must not hold a user name, a password, a zone or a percent sign in its host".into());
    }
    let at = match authority.rfind(']') {
        Some(end) => end + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(at).unwrap_or((authority, ""));
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        Some("") => Ok((host, None)),
        Some(digits) if digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
            Ok(port @ 1..) => Ok((host, Some(port))),
            _ => Err("has a port that does not exist".into()),
        },
        _ => Err("has a port that is no number".into()),
    }
}

/// The host in the one spelling that is sent, if it may be asked.
fn judge(host: &str, port: u16, allowed: &ImageUrls) -> Result<String, String> {
    let host = host.to_ascii_lowercase();
    let (host, public) = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => {
            let address: Ipv6Addr = inner.parse().map_err(|_| "has no valid IPv6 address as its host")?;
            (format!("[{address}]"), is_public_v6(address))
        }
        None => {
            let name = host.strip_suffix('.').unwrap_or(&host);
            check_name(name)?;
            match name.rsplit('.').next().filter(|last| is_number(last)) {
                Some(_) => {
                    let address = v4(name).ok_or("has a host that ends in a number and is no IPv4 address")?;
                    (address.to_string(), is_public_v4(address))
                }
                None => (name.to_owned(), is_public_name(name)),
            }
        }
    };
    if allowed.names(&host, port) {
        return Ok(host);
    }
    if !public {
        return Err(format!("leads to {host}, which is a private or reserved address: it is not fetched"));
    }
    if !PORTS.contains(&port) {
        return Err(format!("names the port {port}; only 80, 443, 8080 and 8443 are fetched from"));
    }
    Ok(host)
}

fn check_name(name: &str) -> Result<(), String> {
    if !name.is_ascii() {
        return Err("has a host in other letters than ASCII: write it in its xn-- form".into());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err("has no valid host".into());
    }
    Ok(())
}

/// Whether the last label makes a host an IPv4 address to every reader of URLs.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x");
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// An IPv4 address in any spelling: one to four parts, decimal, octal or hexadecimal, the last one filling what
/// the others leave.
fn v4(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, front) = parts.split_last()?;
    let mut value = 0_u64;
    for part in front {
        value = value << 8 | Some(*part).filter(|part| *part < 256)?;
    }
    let room = 8 * 4_usize.checked_sub(front.len()).filter(|left| *left > 0)?;
    let last = Some(*last).filter(|last| last >> room == 0)?;
    u32::try_from(value << room | last).ok().map(Ipv4Addr::from)
}

fn number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x") {
        Some("") => ("0", 16),
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    u64::from_str_radix(digits, radix).ok()
}

/// Whether an address that a name resolved to may be asked for a client's picture.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Not private, loopback, link-local, shared, reserved, documentation, benchmarking, multicast or a cloud's own.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = match (a, b, c) {
        (0 | 10 | 127 | 224.., ..)
        | (100, 64..=127, _)
        | (169, 254, _)
        | (172, 16..=31, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (192, 168, _)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        _ => address == AZURE,
    };
    !reserved
}

/// Global unicast alone, without the ranges that lead elsewhere (6to4, Teredo) and those of documentation. What
/// holds an IPv4 address (mapped, compatible, NAT64) lies outside of it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, b, ..] => b >= 0x0200 && b != 0x0db8,
        [0x2002, ..] => false,
        [0x3fff, b, ..] => b >= 0x1000,
        [a, ..] => a & 0xe000 == 0x2000,
    }
}

fn is_public_name(name: &str) -> bool {
    name.contains('.') && !LOCAL.iter().any(|zone| name.ends_with(zone))
}

/// What stands in a path or query as it may be sent; what is encoded already stays as it is.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNSAFE).to_string()
}

const UNSAFE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'^').add(b'|');
/// Bytes of an address; signed ones are long.
const MAX_URL: usize = 8192;
const PORTS: &[u16] = &[80, 443, 8080, 8443];
/// Names that are private by their ending.
const LOCAL: &[&str] = &[".localhost", ".local", ".internal", ".localdomain", ".lan", ".home.arpa"];
/// The host of Azure's virtual machines: a public address that is reached from inside alone.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<String, String> {
        Address::read(url, &ImageUrls::default()).map(|address| address.url())
    }

    #[test]
    fn public_addresses_are_taken_in_one_spelling() {
        for (url, sent) in [
            ("https://example.com/a.png", "https://example.com/a.png"),
            (" HTTPS://Example.COM/A.png\n", "https://example.com/A.png"),
            ("http://example.com", "http://example.com/"),
            ("http://example.com.:80/x", "http://example.com/x"),
            ("https://example.com:443/x?y#z", "https://example.com/x?y"),
            ("https://example.com:8443?y=/1", "https://example.com:8443/?y=/1"),
            ("http://example.com:/x", "http://example.com/x"),
            (
                "https://a_b.xn--bcher-kva.example/ü b.png?q=\"é\"",
                "https://a_b.xn--bcher-kva.example/%C3%BC%20b.png?q=%22%C3%A9%22",
            ),
            ("https://example.com/%2e%2e/x%20y", "https://example.com/%2e%2e/x%20y"),
            ("https://example.com/a@b:c", "https://example.com/a@b:c"),
            ("http://8.8.8.8/x", "http://8.8.8.8/x"),
            ("http://134744072/x", "http://8.8.8.8/x"),
            ("http://0x8.010.2056/x", "http://8.8.8.8/x"),
            ("http://[2606:4700::1111]/x", "http://[2606:4700::1111]/x"),
            ("https://1.1.1.1.example/x", "https://1.1.1.1.example/x"),
            ("https://172.32.0.1/", "https://172.32.0.1/"),
        ] {
            assert_eq!(of(url).as_deref(), Ok(sent), "{url}");
        }
    }

    #[test]
    fn private_and_reserved_addresses_are_refused_in_every_spelling() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "printer.local",
            "db.internal",
            "metadata.google.internal",
            "router.lan",
            "nas.home.arpa",
            "x.localdomain",
            "intranet",
            "kubernetes",
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "0x7f.1",
            "017700000001",
            "0X7F.1",
            "0",
            "0x",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.168.257",
            "0xc0a80101",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "198.18.0.1",
            "192.88.99.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "[::1]",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[fe80::1]",
            "[fec0::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[2001:db8::1]",
            "[2001::1]",
            "[2001:10::1]",
            "[2002:7f00:1::]",
            "[3fff::1]",
            "[100::1]",
            "[5f00::1]",
        ] {
            for url in [format!("http://{host}/x.png"), format!("https://{host}:8443/x.png")] {
                let error = of(&url).unwrap_err();
                assert!(error.contains("private or reserved"), "{url}: {error}");
            }
        }
    }

    #[test]
    fn what_readers_of_urls_may_read_differently_is_refused() {
        for url in [
            "",
            "x",
            "ftp://example.com/",
            "file:///etc/passwd",
            "javascript:1",
            "http:/example.com",
            "http:example.com",
            "http:///example.com/",
            "//example.com/",
            "http://",
            "https://?x",
            "http://user@example.com/",
            "http://user:word@example.com/",
            "http://example.com@127.0.0.1/",
            "http://example.com\\@127.0.0.1/",
            "http://127.0.0.1%00.example.com/",
            "http://[fe80::1%25eth0]/",
            "http://%6cocalhost/",
            "http://exa mple.com/",
            "http://example.com:0/",
            "http://example.com:65536/",
            "http://example.com:1e3/",
            "http://example.com:+80/",
            "http://example.com:80:80/",
            "http://[::1",
            "http://[::1]x/",
            "http://::1/",
            "http://[127.0.0.1]/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "http://1.2.3.256/",
            "http://4294967296/",
            "http://08.1.1.1/",
            "http://a.0x1g.9/",
            "http://a..com/",
            "http://.com/",
            "http://example.com../",
            "http://ｌocalhost/",
            "http://１27.0.0.1/",
            "http://ex\u{ad}ample.com/",
            "http://example.com/\0",
            "http://exam\tple.com/",
            "http://a.9/",
            "http://example.com:22/",
            "https://example.com:6379/",
            "http://a!b.com/",
            "http://example.com:８０/",
        ] {
            assert!(of(url).is_err(), "{url:?}: {:?}", of(url));
        }
        assert!(of(&format!("http://example.com/{}", "x".repeat(MAX_URL))).is_err());
    }

    #[test]
    fn what_the_operator_allows_is_taken_and_nothing_beside_it() {
        let allowed = ImageUrls::parse("127.0.0.1:9000, Pictures.internal, [::1]:9000, example.com:9999").unwrap();
        let of = |url: &str| Address::read(url, &allowed).is_ok();
        let foreign = |url: &str| Address::read(url, &allowed).is_ok_and(|address| address.is_foreign());
        assert!(!foreign("http://pictures.internal/") && foreign("https://example.com/"));
        for url in [
            "http://127.0.0.1:9000/x",
            "http://127.1:9000/",
            "http://pictures.internal/",
            "https://pictures.internal:77/",
            "http://[0::1]:9000/",
            "http://example.com:9999/",
            "http://example.com/",
        ] {
            assert!(of(url), "{url}");
        }
        for url in [
            "http://127.0.0.1/",
            "http://127.0.0.1:9001/",
            "http://127.0.0.2:9000/",
            "http://a.pictures.internal/",
            "http://[::1]/",
            "http://example.com:9998/",
        ] {
            assert!(!of(url), "{url}");
        }
    }

    #[test]
    fn redirects_lead_where_the_platform_would_go() {
        let base = Address::read("https://example.com/a/b.png?q", &ImageUrls::default()).unwrap();
        for (location, url) in [
            ("https://other.example/x", "https://other.example/x"),
            ("HTTP://other.example/x", "http://other.example/x"),
            ("//other.example/x", "https://other.example/x"),
            ("/x?y", "https://example.com/x?y"),
            ("c.png", "https://example.com/a/c.png"),
            ("?z", "https://example.com/a/b.png?z"),
            ("../c.png", "https://example.com/a/../c.png"),
            ("c:/x", ""),
            ("", ""),
            ("//localhost/x", ""),
            ("http://10.0.0.1/", ""),
            ("file:///x", ""),
            ("/\\127.0.0.1/", ""),
        ] {
            let joined = base.join(location, &ImageUrls::default()).map(|address| address.url());
            assert_eq!(joined.unwrap_or_default(), url, "{location}");
        }
        assert_eq!(base.shown(), "https://example.com/a/b.png");
    }
}
