//! Every folder below `tests/cases`, run and compared byte by byte. See `kiro2api_tests::world::cases`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use kiro2api_tests::world::cases::{Case, Cut, unusual_head};
use kiro2api_tests::world::{Answer, Got, Kind, Sent, steps};

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

/// However the service's bytes are cut, the client gets the same bytes. A stream that breaks is the one exception: what came in one
/// piece with the fault has not been sent yet, so that it may end in a status; `whole.sse` is that outcome.
#[test]
fn no_cut_of_the_services_bytes_changes_an_answer() {
    let mut complaints = Vec::new();
    let mut cases: Vec<Case> =
        Case::all().into_iter().filter(|case| case.settings.stream && case.settings.cuts).collect();
    for case in &cases {
        let (framed, whole) = (case.run(true, Cut::Frames).0, case.run(true, Cut::Whole).0);
        let differs = (framed.status(), &framed.body) != (whole.status(), &whole.body);
        case.expect("whole.sse", differs.then(|| whole.text()).as_deref(), &mut complaints);
    }
    // Many cases are about the request and share one short answer.
    let mut seen = BTreeSet::new();
    cases.retain(|case| seen.insert(case.replies().iter().flat_map(Answer::bytes).collect::<Vec<u8>>()));
    let (next, runs) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let work = || {
            let mut complaints = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                cut_everywhere(case, &runs, &mut complaints);
            }
            complaints
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        complaints.extend(workers.into_iter().flat_map(|worker| worker.join().unwrap()));
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    let runs = runs.into_inner();
    assert!(runs > 10_000, "only {runs} cuts were made");
}

fn cut_everywhere(case: &Case, runs: &AtomicUsize, complaints: &mut Vec<String>) {
    let (replies, incoming) = (case.replies(), case.incoming(true));
    let mut gateway = steps::gateway();
    let mut run = |cut: Cut| {
        let replies: Vec<Answer> = replies.iter().cloned().map(|reply| cut.apply(reply)).collect();
        let outcome = steps::run(&mut gateway, incoming.clone(), [1; 32], &replies);
        let holds = |mark: &[u8]| outcome.body.windows(mark.len()).any(|window| window == mark);
        if outcome.status != 200 || holds(b"event: error") || holds(b"data: {\"error\"") {
            // The pool remembers failures, and every run shall find the same pool.
            gateway = steps::gateway();
        }
        runs.fetch_add(1, Ordering::Relaxed);
        outcome
    };
    if replies.is_empty() {
        return;
    }
    let (framed, whole) = (run(Cut::Frames), run(Cut::Whole));
    let length = replies.iter().map(|reply| reply.bytes().len()).max().unwrap_or(0);
    for cut in (1..length).map(Cut::At).chain((1..=17).map(Cut::Every)) {
        let got = run(cut);
        if got != framed && got != whole {
            let body = String::from_utf8_lossy(&got.body).into_owned();
            return complaints.push(format!("{} with {cut:?} gives {} {body}", case.name, got.status));
        }
    }
}
