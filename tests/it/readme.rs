//! What the README shows is what the program takes.

use crate::support::program::{Folder, output};

pub(crate) const README: &str = include_str!("../../README.md");

/// The fenced blocks of a language, in their order.
pub(crate) fn blocks(language: &str) -> Vec<&'static str> {
    README
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .collect()
}

#[test]
fn its_configurations_are_free_of_mistakes() {
    let configurations = blocks("toml");
    assert_eq!(configurations.len(), 4);
    let folder = Folder::new();
    folder.write("key.txt", "00000000-0000-0000-0000-000000000000");
    folder.write("more.json", blocks("json")[0]);
    folder.write("links/empty.toml", "");
    folder.write("geoip/country.mmdb", include_bytes!("../../geoip/sandbox.mmdb"));
    for configuration in configurations {
        let configuration = configuration.replace("env = \"HOQU_SECURE_KEY\"", "file = \"key.txt\"");
        folder.write("onehop.toml", configuration);
        let output = output(&["check"], folder.path());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.starts_with("onehop.toml is fine: "),
            "{said}"
        );
    }
}

#[test]
fn it_names_every_reason_outcome_and_macro() {
    let reasons = onehop::outcome::Reason::ALL.map(onehop::outcome::Reason::as_str);
    let outcomes = onehop::outcome::Kind::ALL.map(onehop::outcome::Kind::as_str);
    for word in reasons.into_iter().chain(outcomes) {
        assert!(README.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn it_names_every_check_of_the_doctor() {
    for check in onehop::doctor::Check::ALL {
        let name = serde_json::json!(check);
        let name = name.as_str().expect("a name");
        assert!(README.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn its_table_of_limits_is_the_programs() {
    for limit in &onehop::server::limits::LIMITS {
        let default = limit.written(onehop::server::Limits::default());
        let begins = format!("| `limits.{}` | `{default}` | ", limit.key);
        let ends = format!(" | {} |", limit.reason);
        let row = README.lines().find(|line| line.starts_with(&begins));
        assert!(row.is_some_and(|row| row.ends_with(&ends)), "{begins}…{ends}");
    }
    let rows = README.lines().filter(|line| line.starts_with("| `limits."));
    assert_eq!(
        rows.count(),
        onehop::server::limits::LIMITS.len() + 1,
        "with the row that leads there"
    );
}
