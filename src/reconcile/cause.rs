//! What becomes of each hit and of each click of the network when the two are compared: closed sets, and their words.

use clap::ValueEnum;

/// Why a hit of the log is, or is not, a click of the network; and the same of the network's clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Cause {
    /// Hit: the first one with a click that the network has too.
    InExport,
    /// Hit: the click of an earlier hit, told the same.
    Repeat,
    /// Hit: the click of an earlier hit, told something else.
    Shared,
    /// Hit: the first one with a click that the network has too, with an id in other letters or with blanks.
    InOtherLetters,
    /// Hit: with a click that the network does not have.
    OnlyHere,
    /// Hit: the same, at a time that the export does not cover.
    OutsideExport,
    /// Hit: the same, on an offer that the export does not have.
    OfferNotThere,
    /// Hit: of another tracker than the one that is asked about.
    OtherTracker,
    /// Hit: of another offer than the one that is asked about.
    OtherOffer,
    /// Hit: sent to the ordinary tracking link.
    TrackingLink,
    /// Hit: the tracker was asked, and no click came back in time.
    Unanswered,
    /// Hit: without a click.
    NoClick,
    /// Hit: with a click that the log leaves out.
    IdLeftOut,
    /// Click: the log has it too.
    InLog,
    /// Click: of a call whose visitor had no answer in time.
    Unfollowed,
    /// Click: of a visitor who was sent to the ordinary tracking link.
    Tracked,
    /// Click: the second one of a hit that asked more than once.
    AskedTwice,
    /// Click: at a time that the log does not cover.
    OutsideLog,
    /// Click: on an offer that the log does not have.
    OfferNotHere,
    /// Click: the log has it, written otherwise.
    WrittenOtherwise,
    /// Click: that the log does not have.
    OnlyThere,
    /// Row: of a click that an earlier row has.
    Duplicate,
    /// Row: without a click id.
    NoId,
}

/// Each with its word and what it means, in the order of the discriminants.
const TABLE: [(&str, &str); Cause::ALL.len()] = [
    (
        "in_export",
        "went to the advertiser with a click that the network has too",
    ),
    (
        "repeat",
        "came again with the click of an earlier hit, as by a reload: the tracker gives a visitor one click for 300 s",
    ),
    (
        "shared",
        "had the click of an earlier hit, but another link, path, referrer, utm or subid: two visitors behind one IP and User-Agent, or \
         one who came by two ways; the network has one click, with what the first was told",
    ),
    (
        "in_other_letters",
        "went to the advertiser with a click that the network has too, its id with other case or blanks: the export has changed it",
    ),
    (
        "only_here",
        "went to the advertiser with a click that the network does not have: send it these ids",
    ),
    (
        "outside_export",
        "with a click before the export's first row or after its last, if by a second: export some hours more to both sides",
    ),
    (
        "offer_not_there",
        "with a click on an offer that the export does not have: it is filtered, or of another network",
    ),
    ("other_tracker", "of another tracker than the one of --tracker"),
    ("other_offer", "of another offer than the one of --offer"),
    (
        "tracking_link",
        "sent to the ordinary tracking link since the Click API failed: the network counts these by itself, with ids that no log has",
    ),
    (
        "unanswered",
        "the tracker was asked, and the visitor went elsewhere before it gave a click: it may have made one",
    ),
    (
        "no_click",
        "trafficback, previews, bots, refusals, or the tracker was not asked: no click is made",
    ),
    (
        "id_left_out",
        "went to the advertiser, but the log leaves out click_id (click_log.drop)",
    ),
    ("in_log", "a hit of the log went to the advertiser with it"),
    (
        "unfollowed",
        "made by a call whose visitor had gone elsewhere when the answer came: a click that nobody followed",
    ),
    ("tracked", "of a visitor who was sent to the ordinary tracking link"),
    (
        "asked_twice",
        "a second click of a hit for which more than one request went out: the tracker should have given one",
    ),
    (
        "outside_log",
        "more than a minute before the log's first hit or after its last (clocks differ that much): name the logs of that time too",
    ),
    (
        "offer_not_here",
        "on an offer that no hit of the log ended with: made by other links of yours, or by another edge",
    ),
    (
        "written_otherwise",
        "its id is in the log, but with other case or blanks: the export has changed it",
    ),
    (
        "only_there",
        "no hit of the log explains it: another edge's log, lines that were lost (onehop_click_log_dropped_total), clicks by other ways",
    ),
    ("duplicate", "a row with the id of an earlier row"),
    ("no_id", "a row without a click id, such as a line of sums"),
];

impl Cause {
    /// All of them, in the order of their discriminants: first those of hits.
    pub const ALL: [Self; 23] = [
        Self::InExport,
        Self::Repeat,
        Self::Shared,
        Self::InOtherLetters,
        Self::OnlyHere,
        Self::OutsideExport,
        Self::OfferNotThere,
        Self::OtherTracker,
        Self::OtherOffer,
        Self::TrackingLink,
        Self::Unanswered,
        Self::NoClick,
        Self::IdLeftOut,
        Self::InLog,
        Self::Unfollowed,
        Self::Tracked,
        Self::AskedTwice,
        Self::OutsideLog,
        Self::OfferNotHere,
        Self::WrittenOtherwise,
        Self::OnlyThere,
        Self::Duplicate,
        Self::NoId,
    ];

    /// Whether it is one of hits, not of the network's clicks.
    pub fn is_of_hits(self) -> bool {
        (self as usize) < Self::InLog as usize
    }

    /// The word in tables, JSON and `--list`.
    pub fn as_str(self) -> &'static str {
        TABLE[self as usize].0
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        TABLE[self as usize].1
    }
}

/// How many there are of each cause, with the first ones as examples.
#[derive(Debug, Default)]
pub(super) struct Tally {
    numbers: [u64; Cause::ALL.len()],
    examples: [Vec<Example>; Cause::ALL.len()],
}

/// One hit or row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Example {
    /// The click id, else the hit's.
    pub id: String,
    pub time: String,
    /// File and line.
    pub place: String,
}

/// So many are shown.
const EXAMPLES: usize = 2;

impl Tally {
    pub(super) fn of(&self, cause: Cause) -> u64 {
        self.numbers[cause as usize]
    }

    pub(super) fn examples(&self, cause: Cause) -> &[Example] {
        &self.examples[cause as usize]
    }

    /// All hits, or all rows.
    pub(super) fn sum(&self, of_hits: bool) -> u64 {
        let causes = Cause::ALL.into_iter().filter(|cause| cause.is_of_hits() == of_hits);
        causes.map(|cause| self.of(cause)).sum()
    }

    pub(super) fn add(&mut self, cause: Cause, example: impl FnOnce() -> Example) {
        self.numbers[cause as usize] += 1;
        let examples = &mut self.examples[cause as usize];
        if examples.len() < EXAMPLES {
            examples.push(example());
        }
    }

    /// The same of many at once that nobody can show.
    pub(super) fn add_number(&mut self, cause: Cause, number: u64) {
        self.numbers[cause as usize] += number;
    }

    /// Some turn out to be of another cause.
    pub(super) fn move_number(&mut self, from: Cause, to: Cause, number: u64) {
        self.numbers[from as usize] -= number;
        self.numbers[to as usize] += number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_the_discriminants_and_are_those_of_the_command_line() {
        for (at, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, at);
            let value = cause.to_possible_value().expect("a word");
            assert_eq!(value.get_name(), cause.as_str());
        }
        assert!(Cause::IdLeftOut.is_of_hits() && !Cause::InLog.is_of_hits());
    }
}
