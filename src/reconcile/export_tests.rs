//! Exports as networks write them, and those that are none.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;

fn opened(bytes: &[u8], named: Named) -> Result<Export, Unusable> {
    let asked = Asked {
        columns: named,
        zone: TimeZone::UTC,
        order: None,
        offer: None,
    };
    let name = format!("onehop-export-{}-{:016x}", std::process::id(), fastrand::u64(..));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).expect("a file");
    let export = Export::open(&path, &asked).map(|export| Export {
        kept: Some(bytes.into()),
        path: "export.csv".into(),
        ..export
    });
    std::fs::remove_file(&path).expect("a file");
    let name = path.display().to_string();
    export.map_err(|Unusable(why)| Unusable(why.replace(&name, "export.csv")))
}

/// Line, id, time, count, offer and address of each row.
fn rows(export: &Export) -> Result<Vec<String>, Unusable> {
    let mut rows = export.rows()?;
    let mut all = Vec::new();
    while let Some(row) = rows.next_row()? {
        let Row {
            line,
            id,
            time,
            count,
            offer,
            ip,
            ..
        } = row;
        let ip = ip.map_or_else(String::new, |ip| ip.to_string());
        all.push(format!("{line} {id} {time} {count} {} {ip}", offer.unwrap_or_default()));
    }
    Ok(all)
}

fn read(text: &str) -> Result<Vec<String>, String> {
    let export = opened(text.as_bytes(), Named::default()).map_err(|why| why.to_string())?;
    rows(&export).map_err(|why| why.to_string())
}

#[test]
fn delimiters_quotes_and_marks_are_those_of_real_files() {
    let expected = ["2 a;,\"b 2026-11-22 13:00 1 7 192.0.2.1"].map(str::to_owned);
    for text in [
        "Click ID,Date,Offer ID,IP\n\"a;,\"\"b\",2026-11-22 13:00,7,192.0.2.1\n",
        "\u{feff}click_id;created_at;offer_id;ip\r\n\"a;,\"\"b\";2026-11-22 13:00;7;192.0.2.1\r\n\r\n",
        "\"Click;ID\";Date;\"Offer ID\";IP\n\"a;,\"\"b\";2026-11-22 13:00;7;::ffff:192.0.2.1",
        "Date\tTime\toffer_id\tip\tclickid\n2026-11-22\t13:00\t7\t192.0.2.1\t\"a;,\"\"b\"\n",
    ] {
        assert_eq!(read(text).as_deref(), Ok(&expected[..]), "{text}");
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all("click_id\nA\na\n".as_bytes()).expect("it fits");
    let export = opened(&packed.finish().expect("it fits"), Named::default()).expect("an export");
    assert_eq!(rows(&export).expect("rows"), ["2 A  1 0 ", "3 a  1 0 "]);
}

#[test]
fn counts_are_read_and_their_sums_are_not() {
    let text = "sep=;\nDay;Clicks\n22.11.2026;1 234\n23.11.2026;\"1,000\"\n24.11.2026;-\nTotal;2 234\n";
    assert_eq!(
        read(text).expect("rows"),
        ["2  22.11.2026 1234 0 ", "3  23.11.2026 1000 0 ", "4  24.11.2026 0 0 "]
    );
}

#[test]
fn what_cannot_be_used_says_where_and_what_would_mend_it() {
    for (text, words) in [
        ("", "export.csv: it is empty"),
        ("a;b\n1;2\n", "export.csv:1: it has no column of click ids"),
        ("a;b\n1;2\n", "divided at \";\", has: \"a\", \"b\""),
        (
            "click_id,date\nx,yesterday\n",
            "export.csv:2: \"yesterday\" is no day or time; write it like 2026-11-22",
        ),
        (
            "date,clicks\n2026-11-22,some\n",
            "export.csv:2: \"some\" is no number of clicks",
        ),
        ("date,clicks\n2026-11-22,1,2\n2026-11-23,1.5\n", "export.csv:3: \"1.5\""),
        (
            "date,clicks\n\n01/02/2026,1\n",
            "export.csv:3: whether \"01/02/2026\" has its day or its month first",
        ),
        ("PK\u{3}\u{4}", "save it as CSV"),
    ] {
        let said = read(text).expect_err(text);
        assert!(said.contains(words), "{said}");
    }
    let utf_16 = opened(b"\xff\xfec\0l\0", Named::default()).expect_err("no export");
    assert!(utf_16.to_string().contains("UTF-8"), "{utf_16}");
}

#[test]
fn dates_say_their_order_themselves_where_they_can() {
    for (text, order) in [
        ("date,clicks\n01/02/2026,1\n13/02/2026,1\n", Some(Order::DayFirst)),
        ("date,clicks\n01/02/2026,1\n02/13/2026,1\n", Some(Order::MonthFirst)),
        ("date,clicks\n2026-11-22,1\n", None),
    ] {
        let export = opened(text.as_bytes(), Named::default()).expect("an export");
        assert_eq!(export.dates.order, order, "{text}");
    }
}

proptest! {
    #[test]
    fn every_id_comes_back_as_it_was_written(ids in prop::collection::vec("[ -~й\n\"';,\t]{1,40}", 1..20), sign in "[,;\t|]") {
        let sign = sign.as_bytes()[0];
        let mut writer = csv::WriterBuilder::new().delimiter(sign).from_writer(Vec::new());
        writer.write_record(["time", "click_id", "x"]).expect("it fits");
        let kept: Vec<&String> = ids.iter().filter(|id| !id.trim().is_empty()).collect();
        for id in &kept {
            writer.write_record(["2026-11-22", id, "y"]).expect("it fits");
        }
        let export = opened(&writer.into_inner().expect("it fits"), Named::default()).expect("an export");
        let mut rows = export.rows().expect("rows");
        for id in kept {
            let row = rows.next_row().expect("a row").expect("a row");
            prop_assert_eq!(&*row.id, id);
        }
        prop_assert!(rows.next_row().expect("the end").is_none());
    }

    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200), is_headed in any::<bool>()) {
        let head = if is_headed { &b"click_id,date,clicks\n"[..] } else { b"" };
        if let Ok(export) = opened(&[head, &bytes].concat(), Named::default()) {
            let _ = rows(&export);
        }
    }
}
