//! A thousand changes in a row while visitors come: links, certificates, and every tenth time something broken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::{
    Edge,
    support::{ClickApi, Visitor, click},
    visitors::{self, CERTIFICATE, Who},
};

const CHANGES: usize = 1_000;

/// Whether no visitor notices, and nothing is left behind.
pub(crate) async fn thousand() -> bool {
    let tracker = ClickApi::always(click("1")).await;
    let edge = Edge::start(&tracker);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
    let pairs = [
        (
            CERTIFICATE.to_owned(),
            include_str!("../../certs/localhost.key").to_owned(),
        ),
        (cert.pem(), signing_key.serialize_pem()),
    ];
    let who = Who::trusting(&[&pairs[0].0, &pairs[1].0]);
    let done = Arc::new(AtomicBool::new(false));
    let (hits, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let visiting = tokio::spawn({
        let (done, hits, failed) = (Arc::clone(&done), Arc::clone(&hits), Arc::clone(&failed));
        let (who, https) = (who.clone(), edge.https);
        async move {
            while !done.load(Relaxed) {
                let waits = visitors::visit(https, who.clone(), Duration::from_secs(1)).await;
                hits.fetch_add(waits.new.len() + waits.kept.len(), Relaxed);
                failed.fetch_add(waits.failed, Relaxed);
            }
        }
    });
    println!(
        "\n{:<42} {:>8} {:>6} {:>9} {:>12}",
        "changes of links and certificates", "hits", "failed", "memory", "open files"
    );
    let operator = Visitor::new(edge.admin).method("POST").host("localhost");
    // Some hits between two changes.
    let mut times = tokio::time::interval(Duration::from_millis(25));
    let mut at_first = None;
    let mut as_expected = true;
    for number in 1..=CHANGES {
        times.tick().await;
        let broken = number % 10 == 0;
        let (certificate, key) = &pairs[number / 2 % 2];
        match (broken, number % 20 == 0, number % 2 == 0) {
            (true, true, _) => {
                edge.folder
                    .write("certs/localhost.crt", &certificate[..certificate.len() / 2]);
            }
            (true, ..) => {
                edge.folder
                    .write("onehop.toml", edge.configuration.replace("{click_id}", "nothing"));
            }
            (false, _, true) => {
                edge.folder.write("certs/localhost.key", key);
                edge.folder.write("certs/localhost.crt", certificate);
                edge.folder.write("onehop.toml", &edge.configuration);
            }
            _ => {
                edge.folder.write("certs/localhost.crt", certificate);
                edge.folder.write("certs/localhost.key", key);
                // Places and destinations change, and what they all lead to stays.
                let places = format!("at = [\"/go\", \"/{number}\"]");
                let changed = edge.configuration.replace("at = \"/go\"", &places);
                edge.folder.write(
                    "onehop.toml",
                    changed.replace("/?click_id", &format!("/{number}?click_id")),
                );
            }
        }
        let status = operator.get("/reload").await.status;
        as_expected &= status == if broken { 422 } else { 200 };
        if number % 200 == 0 || number == 100 {
            let holds = (edge.megabytes(), edge.program.open_files());
            println!(
                "{number:<42} {:>8} {:>6} {:>6.0} MB {:>12}",
                hits.load(Relaxed),
                failed.load(Relaxed),
                holds.0,
                holds.1
            );
            at_first.get_or_insert(holds);
        }
    }
    done.store(true, Relaxed);
    visiting.await.expect("no panic");
    let (memory, files) = at_first.expect("a hundredth change");
    let grown = (
        edge.megabytes() - memory,
        edge.program.open_files().saturating_sub(files),
    );
    let failed = failed.load(Relaxed);
    println!(
        "since the hundredth: {:+.1} MB, {:+} open files; {} hits, {failed} failed",
        grown.0,
        grown.1,
        hits.load(Relaxed)
    );
    as_expected && failed == 0 && grown.0 < 10.0 && grown.1 < 20
}
