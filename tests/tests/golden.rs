//! Every folder below `tests/cases`, run and compared byte by byte. See `kiro2api_tests::world::cases`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use kiro2api_tests::world::cases::{Case, Cut, unusual_head};
use kiro2api_tests::world::{Got, Kind, Sent};

#[test]
fn every_case_gives_the_bytes_in_its_folder() {
    let cases = Case::all();
    assert!(!cases.is_empty(), "no case was found");
    let mut complaints = Vec::new();
    for case in &cases {
        let mut sent = None;
        for stream in [true, false] {
            if if stream { case.settings.stream } else { case.settings.body } {
                let (got, requests) = case.run(stream, Cut::Frames);
                answered(case, stream, &got, &mut complaints);
                lawful(case, &requests, &mut complaints);
                sent.get_or_insert(requests);
            }
        }
        asked(case, &sent.expect("a case runs in at least one way"), &mut complaints);
    }
    assert!(complaints.is_empty(), "{} of {} cases:\n{}", complaints.len(), cases.len(), complaints.join("\n\n"));
}

/// What the client got.
fn answered(case: &Case, stream: bool, got: &Got, complaints: &mut Vec<String>) {
    let (file, head) = if stream { ("stream.sse", "stream.head") } else { ("body.json", "body.head") };
    let mut text = got.text();
    if got.kind == Kind::Answer {
        assert!(!text.ends_with('\n'), "{}: a body ends with a newline", case.name);
        text.push('\n');
    }
    case.expect(file, Some(&text), complaints);
    case.expect(head, unusual_head(got).as_deref(), complaints);
}

/// What the service got, each body that differs from the one before.
fn asked(case: &Case, sent: &[Sent], complaints: &mut Vec<String>) {
    let mut bodies: Vec<&[u8]> = sent.iter().map(|sent| sent.body.as_slice()).collect();
    bodies.dedup();
    for at in 0..bodies.len().max(1) + 1 {
        let file = if at == 0 { "upstream.json".to_owned() } else { format!("upstream-{}.json", at + 1) };
        let body = bodies.get(at).map(|body| String::from_utf8_lossy(body).into_owned() + "\n");
        case.expect(&file, body.as_deref(), complaints);
    }
}

/// Neither checker finds a broken rule: the simulator's and the core's own.
fn lawful(case: &Case, sent: &[Sent], complaints: &mut Vec<String>) {
    for sent in sent {
        if !sent.violations.is_empty() {
            complaints.push(format!("{}: {:?}", case.name, sent.violations));
        }
        let broken = kiro2api_core::upstream::check::check(&sent.body);
        if !broken.is_empty() {
            complaints.push(format!("{}: {broken:?}", case.name));
        }
    }
}
