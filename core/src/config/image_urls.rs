//! `IMAGE_URLS`: whose pictures are fetched.

/// Whether pictures by URL are fetched, and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImageUrls {
    /// They are not.
    Off,
    /// From public addresses and these hosts, though they may be private; without a port, any port.
    On(Vec<(String, Option<u16>)>),
}

impl Default for ImageUrls {
    fn default() -> Self {
        Self::On(Vec::new())
    }
}

impl ImageUrls {
    /// Reads `on`, `off` or a comma list of `host` and `host:port`; IPv6 addresses stand in brackets.
    ///
    /// # Errors
    /// What an entry should look like.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "on" => Ok(Self::default()),
            "off" => Ok(Self::Off),
            list => {
                list.split(',').map(|entry| host(entry.trim())).collect::<Option<_>>().map(Self::On).ok_or_else(|| {
                    "give on, off, or a comma list of hosts such as pictures.internal or 127.0.0.1:9000".to_owned()
                })
            }
        }
    }

    /// Whether the operator named this host, in lower case, with this port.
    pub(crate) fn names(&self, host: &str, port: u16) -> bool {
        let Self::On(hosts) = self else { return false };
        hosts.iter().any(|(name, only)| name == host && only.is_none_or(|only| only == port))
    }
}

/// An entry of the list: host and port.
fn host(entry: &str) -> Option<(String, Option<u16>)> {
    let end = entry.rfind(']').map_or_else(|| entry.find(':'), |at| Some(at + 1)).unwrap_or(entry.len());
    let (host, port) = entry.split_at_checked(end)?;
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        digits => Some(digits?.parse().ok()?),
    };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    (!host.is_empty() && !matches!(host, "on" | "off") && host.bytes().all(known)).then(|| (host.to_owned(), port))
}
