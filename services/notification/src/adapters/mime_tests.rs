//! What a mail looks like on the wire.

use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::domain::SingleLine;

fn letter(name: &str, subject: &str) -> Letter {
    Letter {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
        to: Recipient {
            address: domain::Address::parse("ada@example.com").expect("valid"),
            name: SingleLine::of(name),
        },
        subject: subject.to_owned(),
        text: "Hello 名\n.\nlast".to_owned(),
        html: "<p>Hello 名</p>".to_owned(),
        date: DateTime::from_timestamp(1_800_000_000, 0).expect("a time"),
    }
}

fn wire(letter: &Letter) -> String {
    let origin = "Signalbox <no-reply@signalbox.example>".parse::<Origin>().expect("valid");
    String::from_utf8(message(&origin, letter).expect("a message").formatted()).expect("ASCII")
}

fn headers(wire: &str) -> Vec<&str> {
    let head = wire.split_once("\r\n\r\n").expect("a head").0;
    head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).collect()
}

#[test]
fn a_mail_has_its_headers_and_two_parts_and_is_the_same_each_time() {
    let wire_ = wire(&letter("Ada Lovelace", "Welcome"));
    assert_eq!(wire_, wire(&letter("Ada Lovelace", "Welcome")));
    let headers = headers(&wire_);
    for expected in [
        "From: Signalbox <no-reply@signalbox.example>",
        "To: \"Ada Lovelace\" <ada@example.com>",
        "Subject: Welcome",
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
        "Message-ID: <01900000-0000-7000-8000-000000000001@signalbox.example>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ] {
        assert!(headers.contains(&expected), "{expected} is not in {headers:#?}");
    }
    assert!(wire_.contains("Content-Type: multipart/alternative;"), "{wire_}");
    let (text, html) = (wire_.find("text/plain; charset=utf-8"), wire_.find("text/html; charset=utf-8"));
    assert!(text.is_some() && text < html, "the plainest part comes first");
    assert!(wire_.is_ascii());
}

#[test]
fn a_name_or_a_subject_cannot_bring_a_header_of_its_own() {
    let plain = headers(&wire(&letter("Ada", "Welcome"))).len();
    for hostile in [
        "Ada\r\nBcc: eve@example.com",
        "Ada\nBcc: eve@example.com",
        "Ada\rBcc: eve@example.com",
        "Ada\u{2028}Bcc: eve@example.com",
        "Ada\" <eve@example.com>, \"",
        "=?utf-8?q?Ada=0D=0ABcc:_eve?=",
        "名\r\n\r\n<script>",
    ] {
        // The subject comes from a template as it is, so it is not even a line here.
        let wire = wire(&letter(hostile, hostile));
        let headers = headers(&wire);
        assert_eq!(headers.len(), plain, "{hostile:?}: {headers:#?}");
        assert!(!headers.iter().any(|line| line.starts_with("Bcc")), "{headers:#?}");
        let to = headers.iter().find(|line| line.starts_with("To: ")).expect("To");
        let envelope = message(&"a@b.example".parse::<Origin>().expect("valid"), &letter(hostile, hostile));
        assert_eq!(envelope.expect("a message").envelope().to().len(), 1, "{to}");
    }
}

#[test]
fn an_address_that_the_wire_cannot_have_is_final_and_not_repeated() {
    let strange = domain::Address::parse("ada@-").expect("passes the first look");
    let error = address(&strange).expect_err("no domain");
    assert!(error.is_final && error.class == "address" && !error.to_string().contains("ada"), "{error}");
}
