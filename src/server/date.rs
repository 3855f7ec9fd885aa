//! The date of an answer (RFC 9110, section 6.6.1), written once a second.

use std::{
    cell::RefCell,
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// As long as each is.
const LENGTH: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();

struct Written {
    second: u64,
    text: [u8; LENGTH],
}

thread_local! {
    static LAST: RefCell<Written> = const {
        RefCell::new(Written {
            second: 0,
            text: *b"Thu, 01 Jan 1970 00:00:00 GMT",
        })
    };
}

/// Gives the date of a moment.
pub(super) fn with(at: SystemTime, take: impl FnOnce(&[u8])) {
    let second = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    LAST.with_borrow_mut(|last| {
        if last.second != second {
            last.second = second;
            // Every date has the same length until the year 9999.
            let _ = write!(&mut last.text[..], "{}", httpdate::HttpDate::from(at));
        }
        take(&last.text);
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_second_has_its_own() {
        let written = |seconds| {
            let mut text = String::new();
            with(UNIX_EPOCH + Duration::from_secs(seconds), |date| {
                text = String::from_utf8(date.to_vec()).expect("ASCII");
            });
            text
        };
        for (second, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_111_778, "Sun, 06 Nov 1994 08:49:38 GMT"),
        ] {
            assert_eq!(written(second), expected);
        }
    }
}
