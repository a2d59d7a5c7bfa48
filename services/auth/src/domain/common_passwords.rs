//! The passwords that attackers try first. Only those of eight characters or more: shorter ones are refused anyway.

/// In lower case.
#[rustfmt::skip]
pub(super) const COMMON_PASSWORDS: &[&str] = &[
    "00000000", "11111111", "11223344", "12121212", "12341234", "12344321", "12345678", "123456789", "1234567890",
    "12345678910", "1234qwer", "123qweasd", "123qwe123", "123123123", "123321123", "147258369", "1q2w3e4r",
    "1q2w3e4r5t", "1qaz2wsx", "1qazxsw2", "22222222", "55555555", "66666666", "77777777", "87654321", "88888888",
    "98765432", "987654321", "99999999", "9876543210", "a1234567", "a1b2c3d4", "aa123456", "aaaaaaaa", "abc12345",
    "abcd1234", "abcdefgh", "abcdefg1", "admin123", "admin1234", "administrator", "alexander", "asdf1234", "asdfasdf",
    "asdfghjk", "asdfghjkl", "babygirl", "baseball", "basketball", "batman123", "blink182", "butterfly", "changeme",
    "charlie1", "chocolate", "christian", "computer", "corvette", "danielle", "demo1234", "dragon123", "elizabeth",
    "facebook", "football", "football1", "freedom1", "hello123", "hellohello", "iloveyou", "iloveyou1", "internet",
    "jennifer", "jessica1", "jonathan", "letmein1", "letmein123", "liverpool", "lovelove", "master123", "maverick",
    "mercedes", "michael1", "michelle", "midnight", "monkey123", "mustang1", "p@ssw0rd", "p@ssword", "pa$$word",
    "pass1234", "passw0rd", "password", "password!", "password1", "password12", "password123", "password1234",
    "princess", "princess1", "q1w2e3r4", "q1w2e3r4t5", "qazwsxedc", "qwer1234", "qwerty12", "qwerty123", "qwerty1234",
    "qwertyui", "qwertyuiop", "rootroot", "samantha", "secret123", "shadow123", "spiderman", "starwars", "steelers",
    "sunshine", "sunshine1", "superman", "test1234", "testtest", "trustno1", "victoria", "welcome1", "welcome123",
    "whatever", "william1", "zaq12wsx", "zaq1zaq1", "zxcvbnm1", "zxcvbnm123",
];
