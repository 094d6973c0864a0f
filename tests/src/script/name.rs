//! Which declared tool a step means, and the ids its calls get.

/// The declared tool a name stands for. Gateways shorten and prefix names, so after an exact match comes a match without regard to
/// case and punctuation, then a common ending, then a common beginning. `None`: no declared tool fits.
pub fn matched<'d>(name: &str, declared: &'d [String]) -> Option<&'d str> {
    let plain = plain(name);
    let fits: [&dyn Fn(&str) -> bool; 4] = [
        &|other| other == name,
        &|other| self::plain(other) == plain,
        &|other| ends(&self::plain(other), &plain),
        &|other| begins(&self::plain(other), &plain),
    ];
    fits.iter().find_map(|fit| declared.iter().find(|other| fit(other))).map(String::as_str)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn ends(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && (one.ends_with(other) || other.ends_with(one))
}

/// A shortened name keeps a long beginning and gets a digest behind it.
fn begins(one: &str, other: &str) -> bool {
    let common = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    common >= 24
}

/// `tooluse_` and 22 base64url characters, the same for the same seed.
pub(super) fn id(seed: &str, call: usize) -> String {
    let mut state = seed
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    state ^= (call as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut out = String::from("tooluse_");
    for _ in 0..22 {
        state = random(state);
        let index = usize::try_from(state >> 58).unwrap_or_default();
        out.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
    }
    out
}

/// One step of splitmix64: enough for ids and chunk sizes, and the same everywhere.
pub(super) fn random(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
