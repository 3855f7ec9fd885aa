//! A network's own export: a table of text, with a row for each click or with counts of days.
//!
//! Owns its reading: where the bytes come from, delimiter, quotes and header. It can be read again from its beginning.

use std::{
    borrow::Cow,
    fmt,
    io::{self, BufRead, BufReader, Cursor, Read},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::tz::TimeZone;

use super::{
    Cause,
    columns::{Columns, Named},
    dates::{self, Dates, FORMS, Order, Unread, When},
};
use crate::history::{self, Progress};

/// How an export is read, as far as it does not say so itself.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Columns.
    pub columns: Named,
    /// Of times without an offset, and of days.
    pub zone: TimeZone,
    /// Of dates with slashes.
    pub order: Option<Order>,
    /// The one offer whose rows are read; rows that name none are read too.
    pub offer: Option<u64>,
}

/// An export that cannot be used: what is wrong, where, and the mend.
#[derive(Debug, PartialEq, Eq)]
pub struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// An export whose header has been read.
#[derive(Debug)]
pub struct Export {
    path: PathBuf,
    /// What came by standard input, which can be read only once.
    kept: Option<Arc<[u8]>>,
    pub(super) columns: Columns,
    pub(super) dates: Dates,
    offer: Option<u64>,
}

/// A row, as far as it is used.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub line: u64,
    pub id: Cow<'a, str>,
    pub when: Option<When>,
    /// As it stands there.
    pub time: Cow<'a, str>,
    pub count: u64,
    pub offer: Option<u64>,
    pub campaign: Option<u64>,
    pub ip: Option<IpAddr>,
    pub user_agent: Option<Cow<'a, str>>,
}

/// Rows, in their order.
pub(super) struct Rows<'a> {
    export: &'a Export,
    reader: csv::Reader<Plain>,
    record: csv::ByteRecord,
}

/// Bytes whose lines all end with a line feed alone, by which lines are counted.
struct Plain {
    bytes: Box<dyn BufRead>,
    last: u8,
}

impl Read for Plain {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let bytes = self.bytes.fill_buf()?;
            if bytes.is_empty() {
                let is_open = !matches!(self.last, b'\n' | b'\r');
                self.last = b'\n';
                return Ok(match out.first_mut().filter(|_| is_open) {
                    Some(first) => {
                        *first = b'\n';
                        1
                    }
                    None => 0,
                });
            }
            let (mut read, mut written) = (0, 0);
            for (byte, from) in bytes.iter().zip(1..) {
                if written == out.len() {
                    break;
                }
                read = from;
                let is_second_half = *byte == b'\n' && self.last == b'\r';
                self.last = *byte;
                if !is_second_half {
                    out[written] = if *byte == b'\r' { b'\n' } else { *byte };
                    written += 1;
                }
            }
            self.bytes.consume(read);
            if written > 0 || out.is_empty() {
                return Ok(written);
            }
        }
    }
}

impl Export {
    /// Opens it, and reads its header.
    pub fn open(path: &Path, asked: &Asked) -> Result<Self, Unusable> {
        let mut export = Self {
            path: path.to_owned(),
            kept: None,
            columns: Columns::default(),
            dates: Dates {
                zone: asked.zone.clone(),
                order: asked.order,
            },
            offer: asked.offer,
        };
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|error| export.broken(&error))?;
            export.kept = Some(bytes.into());
        }
        let (mut reader, sign) = export.reader()?;
        let mut header = csv::ByteRecord::new();
        reader
            .read_byte_record(&mut header)
            .map_err(|error| export.torn(&error))?;
        let header: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect();
        if header.iter().all(String::is_empty) {
            return Err(export.unusable(None, "it is empty: is it the export?"));
        }
        let found = Columns::of(&header, &asked.columns);
        export.columns = found.map_err(|why| {
            let names: Vec<String> = header.iter().map(|name| format!("{name:?}")).collect();
            let sign = if sign == b'\t' {
                "tab".to_owned()
            } else {
                char::from(sign).to_string()
            };
            let has = format!("{why}.\nIts first line, divided at {sign:?}, has: {}", names.join(", "));
            export.unusable(Some(1), &has)
        })?;
        export.learn_order()?;
        Ok(export)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The one offer that is asked about.
    pub(super) fn offer(&self) -> Option<u64> {
        self.offer
    }

    /// Whether it has click ids; else it has counts of days.
    pub fn has_ids(&self) -> bool {
        self.columns.id.is_some()
    }

    /// That no list can be had of this cause.
    pub fn has_no_ids(&self, cause: Cause) -> Unusable {
        let why = format!(
            "it has counts of days, and no click ids by which those of {} could be listed",
            cause.as_str()
        );
        self.unusable(None, &why)
    }

    /// All rows from the first one, again.
    pub(super) fn rows(&self) -> Result<Rows<'_>, Unusable> {
        let (mut reader, _) = self.reader()?;
        let mut record = csv::ByteRecord::new();
        reader
            .read_byte_record(&mut record)
            .map_err(|error| self.torn(&error))?;
        Ok(Rows {
            export: self,
            reader,
            record,
        })
    }

    fn reader(&self) -> Result<(csv::Reader<Plain>, u8), Unusable> {
        let mut bytes = self.bytes().map_err(|error| self.broken(&error))?;
        let sign = {
            let begin = bytes.fill_buf().map_err(|error| self.broken(&error))?;
            if begin.starts_with(&[0xff, 0xfe]) || begin.starts_with(&[0xfe, 0xff]) {
                return Err(self.unusable(None, "it is UTF-16: save it as CSV in UTF-8"));
            }
            if begin.starts_with(b"PK\x03\x04") {
                return Err(self.unusable(None, "it is a spreadsheet or a zip archive: save it as CSV"));
            }
            delimiter(begin)
        };
        let reader = csv::ReaderBuilder::new()
            .delimiter(sign)
            .has_headers(false)
            .flexible(true)
            .from_reader(Plain { bytes, last: b'\n' });
        Ok((reader, sign))
    }

    /// Its bytes, unpacked and without what stands before the header.
    fn bytes(&self) -> io::Result<Box<dyn BufRead>> {
        let mut bytes = match &self.kept {
            Some(kept) => history::unpack(BufReader::new(Cursor::new(Arc::clone(kept))))?,
            None => history::open(&self.path, &Progress::default())?,
        };
        for before in [
            &b"\xef\xbb\xbf"[..],
            b"sep=;\r\n",
            b"sep=,\r\n",
            b"sep=;\n",
            b"sep=,\n",
            b"sep=\t\r\n",
        ] {
            if bytes.fill_buf()?.starts_with(before) {
                bytes.consume(before.len());
            }
        }
        Ok(bytes)
    }

    /// Finds out whether days or months stand first, where dates leave it open and nobody has said it.
    fn learn_order(&mut self) -> Result<(), Unusable> {
        let (Some(time), None) = (self.columns.time, self.dates.order) else {
            return Ok(());
        };
        let mut rows = self.rows()?;
        let mut open = None;
        while rows.read()? {
            match dates::shown_order(&rows.field(time)) {
                Ok(Some(order)) => {
                    drop(rows);
                    self.dates.order = Some(order);
                    return Ok(());
                }
                Ok(None) => {
                    open.get_or_insert_with(|| (rows.line(), rows.field(time).into_owned()));
                }
                // A line of sums may stand first or last.
                Err(()) if open.is_some() => {}
                Err(()) => return Ok(()),
            }
        }
        match open {
            None => Ok(()),
            Some((line, text)) => Err(self.unusable(
                Some(line),
                &format!("whether {text:?} has its day or its month first is not to be seen: say --dates day-first or --dates month-first"),
            )),
        }
    }

    fn unusable(&self, line: Option<u64>, why: &str) -> Unusable {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        Unusable(format!("{}{line}: {why}", self.path.display()))
    }

    fn broken(&self, error: &io::Error) -> Unusable {
        Unusable(format!("{} cannot be read: {error}", self.path.display()))
    }

    fn torn(&self, error: &csv::Error) -> Unusable {
        Unusable(format!("{} cannot be read: {error}", self.path.display()))
    }
}

impl Rows<'_> {
    /// The next one that is not blank.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>, Unusable> {
        loop {
            if !self.read()? {
                return Ok(None);
            }
            if self.record.iter().any(|field| !field.trim_ascii().is_empty())
                && !self.is_sum()
                && !self.is_of_other_offer()
            {
                break;
            }
        }
        self.row().map(Some)
    }

    /// A line below counts of days that adds them up.
    fn is_sum(&self) -> bool {
        let Columns {
            id: None,
            time: Some(time),
            ..
        } = self.export.columns
        else {
            return false;
        };
        let day = self.field(time).trim().to_lowercase();
        ["", "total", "totals", "sum", "summary", "итого", "всего"].contains(&day.trim_end_matches(':'))
    }

    /// A row of another offer than the one that is asked about.
    fn is_of_other_offer(&self) -> bool {
        let offer = self.export.columns.offer.map(|column| self.field(column));
        let offer = offer.and_then(|offer| offer.trim().parse::<u64>().ok());
        matches!((self.export.offer, offer), (Some(wanted), Some(offer)) if offer != wanted)
    }

    fn row(&self) -> Result<Row<'_>, Unusable> {
        let columns = &self.export.columns;
        let text = |column: Option<usize>| column.map_or(Cow::Borrowed(""), |column| self.field(column));
        let number = |column| text(column).trim().parse().ok();
        let id = text(columns.id);
        let mut time = text(columns.time);
        if let Some(clock) = columns.clock {
            time = Cow::Owned(format!("{} {}", time.trim(), self.field(clock).trim()));
        }
        // A row that is no click may have any time.
        let is_read = !id.is_empty() || columns.id.is_none();
        let when = match self.export.dates.read(&time) {
            _ if columns.time.is_none() || !is_read => None,
            Ok(when) => Some(when),
            Err(Unread::Unknown) => {
                return Err(self.unusable(&format!("{time:?} is no day or time; write it like {FORMS}")));
            }
            Err(Unread::Ambiguous) => {
                return Err(self.unusable(&format!("{time:?}: say --dates day-first or --dates month-first")));
            }
        };
        let count = match columns.count.filter(|_| columns.id.is_none()) {
            None => 1,
            Some(column) => {
                let text = self.field(column);
                count(&text).ok_or_else(|| self.unusable(&format!("{text:?} is no number of clicks")))?
            }
        };
        Ok(Row {
            line: self.line(),
            id,
            when,
            time,
            count,
            offer: number(columns.offer),
            campaign: number(columns.campaign),
            ip: text(columns.ip).trim().parse().ok().map(|ip: IpAddr| ip.to_canonical()),
            user_agent: columns.user_agent.map(|column| self.field(column)),
        })
    }

    fn read(&mut self) -> Result<bool, Unusable> {
        let read = self.reader.read_byte_record(&mut self.record);
        read.map_err(|error| self.export.torn(&error))
    }

    fn field(&self, column: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.record.get(column).unwrap_or_default())
    }

    /// The line on which the row begins: blank ones before it are not its own.
    fn line(&self) -> u64 {
        let within = self.record.as_slice().split(|byte| *byte == b'\n').count();
        let next = self.reader.position().line();
        next.saturating_sub(within as u64)
    }

    fn unusable(&self, why: &str) -> Unusable {
        self.export.unusable(Some(self.line()), why)
    }
}

/// The sign that divides the first line most often, outside of quotes.
fn delimiter(begin: &[u8]) -> u8 {
    let mut is_quoted = false;
    let line: Vec<u8> = begin
        .iter()
        .copied()
        .take_while(|byte| *byte != b'\n')
        .filter(|byte| {
            is_quoted ^= *byte == b'"';
            !is_quoted
        })
        .collect();
    let often = |sign: u8| line.split(|byte| *byte == sign).count();
    // Of equals the last is taken: where none is there, the comma.
    [b'|', b'\t', b';', b',']
        .into_iter()
        .max_by_key(|sign| often(*sign))
        .unwrap_or(b',')
}

/// A whole number, with thousands apart as they are written: `1 234`, `1,234`, `1'234`.
fn count(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text
        .strip_suffix(".00")
        .or_else(|| text.strip_suffix(".0"))
        .unwrap_or(text);
    if text.is_empty() || text == "-" {
        return Some(0);
    }
    let groups: Vec<&str> = text.split([' ', '\u{a0}', '\u{202f}', ',', '\'']).collect();
    if groups[1..].iter().any(|group| group.len() != 3) {
        return None;
    }
    let digits = groups.concat();
    digits
        .parse()
        .ok()
        .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
