//! Images and documents.

use kiro2api_core::upstream::{Wishes, encode};
use kiro2api_core::{Error, Kind};

use crate::talk::{Bit, Talk, assistant, call, model, text, user};

fn refusal(talk: &Talk) -> Error {
    encode(&talk.turn(), &Wishes::default()).unwrap_err()
}

fn images(talk: &Talk) -> Vec<usize> {
    let count = |turn: &serde_json::Value| turn["userInputMessage"]["images"].as_array().map_or(0, Vec::len);
    talk.turns().iter().map(count).collect()
}

#[test]
fn images_and_documents_in_results_are_lifted_with_a_mark() {
    let document = Bit::Document("a.b".to_owned(), "pdf".to_owned());
    let talk = Talk::of([
        user([text("go")]),
        assistant([call("t", "read", "{}")]),
        user([Bit::Image, Bit::Result("t".to_owned(), false, vec![text("see"), Bit::Image, document])]),
    ]);
    assert_eq!(images(&talk), [0, 0, 2]);
    let current = talk.current();
    assert_eq!(current["documents"][0]["name"], "a-b");
    let texts = &current["userInputMessageContext"]["toolResults"][0]["content"];
    assert_eq!(texts[1]["text"], "(image 2 of this message)");
    assert_eq!(texts[2]["text"], "(attached document \"a-b\")");
}

#[test]
fn images_of_history_stay_where_they_were() {
    let talk = Talk::of([user([Bit::Image]), assistant([text("a cat")]), user([text("sure?")])]);
    assert_eq!(images(&talk), [1, 0, 0]);
    assert_eq!(talk.contents()[0], "(see the attached file)");
}

#[test]
fn old_images_make_room_ten_at_a_time() {
    let round = |n: usize| [user(vec![Bit::Image; n]), assistant([text("ok")])];
    let mut messages: Vec<_> = (0..22).flat_map(|_| round(1)).collect();
    messages.push(user([Bit::Image]));
    let talk = Talk::of(messages);
    assert_eq!(images(&talk).iter().sum::<usize>(), 13);
    assert_eq!(images(&talk)[18..22], [0, 0, 1, 0]);
    assert_eq!(talk.contents()[0], "(1 images of this message are no longer attached)");
}

#[test]
fn too_many_images_now_are_refused() {
    assert_eq!(images(&Talk::of([user(vec![Bit::Image; 20])])), [20]);
    let error = refusal(&Talk::of([user(vec![Bit::Image; 21])]));
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.text().contains("holds 21 images") && error.text().contains("at most 20"), "{error}");
}

#[test]
fn a_model_without_eyes_refuses_new_images_and_forgets_old_ones() {
    let mut talk = Talk::of([user([Bit::Image])]);
    talk.model = model("deepseek-3.2");
    assert!(refusal(&talk).text().contains("deepseek-3.2 takes no images"));
    talk.messages.extend([assistant([text("a")]), user([text("b")])]);
    assert_eq!(images(&talk), [0, 0, 0]);
    assert_eq!(talk.contents()[0], "(1 images of this message are no longer attached)");
}

#[test]
fn names_of_documents_are_unique_in_the_request() {
    let document = || Bit::Document("report".to_owned(), "markdown".to_owned());
    let talk = Talk::of([user([document()]), assistant([text("a")]), user([document()])]);
    assert_eq!(talk.current()["documents"][0]["name"], "report (2)");
    assert_eq!(talk.current()["documents"][0]["format"], "md");
}

#[test]
fn an_unknown_document_format_is_named() {
    let error = refusal(&Talk::of([user([Bit::Document("deck".to_owned(), "pptx".to_owned())])]));
    assert_eq!((error.kind(), error.path()), (Kind::Invalid, Some("messages")));
    assert!(error.text().contains("\"deck\"") && error.text().contains("\"pptx\""), "{error}");
}

#[test]
fn an_image_over_five_megabytes_is_refused_with_its_size() {
    use kiro2api_core::turn::{Image, Part};
    let talk = Talk::of([user([])]);
    let mut turn = talk.turn();
    let image = |len: usize| Part::Image(Image { format: "jpeg", base64: "A".repeat(len).into(), size: None });
    turn.messages[0].parts = vec![image(5_242_880)];
    encode(&turn, &Wishes::default()).unwrap();
    turn.messages[0].parts = vec![image(5_242_884)];
    let error = encode(&turn, &Wishes::default()).unwrap_err();
    assert!(error.text().contains("5242884") && error.text().contains("5242880"), "{error}");
    turn.messages[0].parts = vec![Part::Image(Image { format: "png", base64: "\"}".into(), size: None })];
    assert_eq!(encode(&turn, &Wishes::default()).unwrap_err().kind(), Kind::Invalid);
}
