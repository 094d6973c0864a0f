//! The frame encoder against the published vectors, and each of its lies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod sim_client;

use kiro2api_tests::frame::{Damage, Frame, Header, HeaderValue, Order};
use sim_client::frames;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn the_published_vectors_come_out_byte_for_byte() {
    assert_eq!(Frame::default().encode(), hex("00000010 00000000 05c248eb 7d98c8ff"));
    let bare = Frame { headers: Vec::new(), payload: b"{'foo':'bar'}".to_vec() };
    assert_eq!(bare.encode(), hex("0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936"));
    let text =
        hex("0000007c0000005c3bddcf78 0b3a6576656e742d74797065070016617373697374616e74526573706f6e73654576656e74
         0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e 0d3a6d6573736167652d747970650700056576656e74
         7b22636f6e74656e74223a224869227d b02babdc");
    assert_eq!(Frame::event("assistantResponseEvent", r#"{"content":"Hi"}"#).encode(), text);
    let throttled = hex(
        "000000c000000061b682667c 0f3a657863657074696f6e2d747970650700135468726f74746c696e67457863657074696f6e
         0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e 0d3a6d6573736167652d74797065070009657863657074696f6e
         7b226d657373616765223a22546f6f206d616e792072657175657374732c20706c656173652077616974206265666f726520747279696e6720616761696e2e222c22726561736f6e223a6e756c6c7d
         1999b6ab",
    );
    let message = "Too many requests, please wait before trying again.";
    assert_eq!(Frame::exception("ThrottlingException", message, None).encode(), throttled);
}

#[test]
fn every_header_type_has_its_wire_form() {
    let cases = [
        (HeaderValue::Bool(true), "00"),
        (HeaderValue::Bool(false), "01"),
        (HeaderValue::Byte(-2), "02 fe"),
        (HeaderValue::Short(-2), "03 fffe"),
        (HeaderValue::Int(258), "04 00000102"),
        (HeaderValue::Long(258), "05 0000000000000102"),
        (HeaderValue::Bytes(vec![1, 2]), "06 0002 0102"),
        (HeaderValue::Text("ab".to_owned()), "07 0002 6162"),
        (HeaderValue::Timestamp(1), "08 0000000000000001"),
        (HeaderValue::Uuid([7; 16]), "09 07070707070707070707070707070707"),
    ];
    for (value, wire) in cases {
        let frame = Frame { headers: vec![Header::new("n", value.clone())], payload: Vec::new() }.encode();
        assert_eq!(frame[12..frame.len() - 4], [hex("01 6e"), hex(wire)].concat(), "{value:?}");
        assert!(frames(&frame).is_ok(), "{value:?}");
    }
}

#[test]
fn each_damage_is_seen_where_it_was_done() {
    let frame = Frame::event("assistantResponseEvent", r#"{"content":"Hi"}"#);
    let fault = |damage| frames(&frame.encode_damaged(damage)).unwrap_err();
    assert_eq!(fault(Damage::PreludeCrc), "prelude checksum");
    assert_eq!(fault(Damage::MessageCrc), "message checksum");
    assert_eq!(fault(Damage::Byte(40)), "message checksum");
    assert_eq!(fault(Damage::Total(9_000)), "lengths 9000 and 92 with 124 bytes");
    assert_eq!(fault(Damage::Total(8)), "lengths 8 and 92 with 124 bytes");
    assert_eq!(fault(Damage::Headers(5_000)), "lengths 124 and 5000 with 124 bytes");
}

#[test]
fn header_order_and_odd_headers_keep_the_frame_readable() {
    let frame = Frame::event("codeEvent", "{}");
    for order in [Order::Service, Order::Reversed, Order::Rotated] {
        let decoded = frames(&frame.clone().with_every_type().ordered(order).encode()).unwrap();
        assert_eq!(decoded[0].header(":event-type"), "codeEvent", "{order:?}");
        assert_eq!(decoded[0].header("x-text"), "ünïcode", "{order:?}");
    }
    let reversed = frames(&frame.ordered(Order::Reversed).encode()).unwrap();
    assert_eq!(reversed[0].headers[0].0, ":message-type");
}
