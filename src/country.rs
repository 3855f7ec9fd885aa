//! Countries and continents, by their codes: which exist, and which country lies on which continent.
//!
//! Knows nothing of addresses, databases or links.

/// A country or territory: the two letters of ISO 3166-1, upper case. Only codes that exist can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// A continent, by the two letters that the databases of places use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Continent {
    /// Africa.
    Africa,
    /// Antarctica.
    Antarctica,
    /// Asia.
    Asia,
    /// Europe.
    Europe,
    /// North America, with Central America and the Caribbean.
    NorthAmerica,
    /// Australia and the islands of the Pacific.
    Oceania,
    /// South America.
    SouthAmerica,
}

/// The 249 codes of ISO 3166-1 and XK (Kosovo), under the continent that `GeoNames` gives each, and with it the databases:
/// Cyprus, Russia and Kosovo are in Europe; Turkey and the Caucasus in Asia.
const CODES: [(Continent, &str); 7] = [
    (
        Continent::Africa,
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG \
         RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    ),
    (Continent::Antarctica, "AQ BV GS HM TF"),
    (
        Continent::Asia,
        "AE AF AM AZ BD BH BN BT CC CN GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH \
         PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE",
    ),
    (
        Continent::Europe,
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT \
         NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
    ),
    (
        Continent::NorthAmerica,
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV SX TC TT US \
         VC VG VI",
    ),
    (
        Continent::Oceania,
        "AS AU CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS",
    ),
    (Continent::SouthAmerica, "AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
];

/// The continent of each code that exists, by the place of its letters: a lookup without a search.
static CONTINENTS: [Option<Continent>; 26 * 26] = {
    let mut table = [None; 26 * 26];
    let mut group = 0;
    while group < CODES.len() {
        let (continent, codes) = CODES[group];
        let codes = codes.as_bytes();
        let mut at = 0;
        while at < codes.len() {
            table[place([codes[at], codes[at + 1]])] = Some(continent);
            at += 3;
        }
        group += 1;
    }
    table
};

/// Where a code of two upper-case letters stands in `CONTINENTS`.
const fn place([first, second]: [u8; 2]) -> usize {
    (first - b'A') as usize * 26 + (second - b'A') as usize
}

impl Country {
    /// The country of a code in any case; `None` for one that does not exist, such as the `EU`, `AP` and `ZZ` of old databases.
    pub fn parse(code: &str) -> Option<Self> {
        Self::of_letters(code.as_bytes().try_into().ok()?)
    }

    /// The same of the code's two letters.
    pub fn of_letters(code: [u8; 2]) -> Option<Self> {
        let code = code.map(|letter| letter.to_ascii_uppercase());
        let letters = code.iter().all(u8::is_ascii_uppercase);
        (letters && CONTINENTS[place(code)].is_some()).then_some(Self(code))
    }

    /// Every country, in the order of the alphabet.
    pub fn all() -> impl Iterator<Item = Self> {
        let pairs = (b'A'..=b'Z').flat_map(|first| (b'A'..=b'Z').map(move |second| [first, second]));
        pairs.filter(|&code| CONTINENTS[place(code)].is_some()).map(Self)
    }

    /// The code, upper case.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("two letters")
    }

    /// Its two letters.
    pub fn letters(self) -> [u8; 2] {
        self.0
    }

    /// The continent it lies on.
    pub fn continent(self) -> Continent {
        CONTINENTS[place(self.0)].expect("a code that exists")
    }
}

impl Continent {
    /// Every continent, in the order of the codes.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::NorthAmerica,
        Self::Oceania,
        Self::SouthAmerica,
    ];

    /// The continent of a code in any case.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|continent| continent.as_str().eq_ignore_ascii_case(code))
    }

    /// The code, upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Africa => "AF",
            Self::Antarctica => "AN",
            Self::Asia => "AS",
            Self::Europe => "EU",
            Self::NorthAmerica => "NA",
            Self::Oceania => "OC",
            Self::SouthAmerica => "SA",
        }
    }

    /// Its English name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Africa => "Africa",
            Self::Antarctica => "Antarctica",
            Self::Asia => "Asia",
            Self::Europe => "Europe",
            Self::NorthAmerica => "North America",
            Self::Oceania => "Oceania",
            Self::SouthAmerica => "South America",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once_and_is_read_in_any_case() {
        assert_eq!(Country::all().count(), 250);
        let listed: usize = CODES.iter().map(|(_, codes)| codes.split(' ').count()).sum();
        assert_eq!(listed, 250, "a code stands twice");
        for country in Country::all() {
            let code = country.as_str();
            assert_eq!(Country::parse(code), Some(country));
            assert_eq!(Country::parse(&code.to_lowercase()), Some(country));
        }
        assert!(Country::all().is_sorted());
        assert_eq!(size_of::<Option<Country>>(), 3);
    }

    #[test]
    fn what_is_no_code_is_no_country() {
        for wrong in [
            "", "D", "DEU", "EU", "AP", "ZZ", "UK", "A1", "@@", "[[", "Ä", "d e", "AN", "XX",
        ] {
            assert_eq!(Country::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn continents_have_their_codes_names_and_countries() {
        for continent in Continent::ALL {
            assert_eq!(Continent::parse(continent.as_str()), Some(continent));
            assert_eq!(Continent::parse(&continent.as_str().to_lowercase()), Some(continent));
            assert!(Country::all().any(|country| country.continent() == continent));
        }
        assert_eq!(Continent::parse("XX"), None);
        assert_eq!(Continent::NorthAmerica.name(), "North America");
        for (code, continent) in [
            ("CY", "EU"),
            ("RU", "EU"),
            ("TR", "AS"),
            ("GE", "AS"),
            ("TL", "OC"),
            ("CX", "OC"),
            ("MX", "NA"),
            ("GS", "AN"),
            ("XK", "EU"),
            ("RE", "AF"),
        ] {
            let country = Country::parse(code).expect(code);
            assert_eq!(country.continent().as_str(), continent, "{code}");
        }
    }
}
