//! The certificates on disk while the edge serves: taking up changed ones, and telling of those that end soon.
//!
//! What a certificate is, `tls` knows.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    observe::Metrics,
    tls::{Certificates, ExpiryWatch, Level, Reload, Severity, Store, Watch},
};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Takes up changed certificates for ever. One that cannot be used leaves the last good one, and is told of.
pub async fn watch(store: Arc<Store>, metrics: Arc<Metrics>) {
    // They have just been read.
    let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut watch, mut expiry) = (Watch::default(), ExpiryWatch::default());
    count(&store.current(), &metrics);
    loop {
        looks.tick().await;
        let looked = Arc::clone(&store);
        // A disk that hangs is waited for where nobody else waits. Dropped, the look ends by itself.
        let look = tokio::task::spawn_blocking(move || {
            let reload = watch.look(&looked, SystemTime::now());
            (watch, reload)
        });
        let Ok((back, reload)) = look.await else {
            watch = Watch::default();
            continue;
        };
        watch = back;
        if let Some(reload) = reload {
            tell(&reload, &metrics);
            count(&store.current(), &metrics);
        }
        for due in expiry.due(&store.current(), SystemTime::now()) {
            let (certificate, file) = (due.certificate, due.path.display().to_string());
            let days = due.left.as_secs() / 86_400;
            match due.level {
                Level::First => tracing::warn!(certificate, file, days, "a certificate ends soon: renew it"),
                Level::Second => tracing::error!(certificate, file, days, "a certificate ends in a few days: renew it"),
                Level::Over => tracing::error!(certificate, file, "a certificate has ended: browsers refuse it"),
            }
        }
    }
}

/// Reads the certificates again, and tells what came of it.
pub fn look(store: &Store, metrics: &Metrics) {
    tell(&store.reload(SystemTime::now()), metrics);
    count(&store.current(), metrics);
}

fn tell(reload: &Reload, metrics: &Metrics) {
    let mut is_whole = true;
    for mistake in &reload.mistakes {
        match mistake.severity {
            Severity::Warning => tracing::warn!("{mistake}"),
            Severity::Error => {
                is_whole = false;
                tracing::error!("{mistake}; what was shown before is shown still");
            }
        }
    }
    if reload.has_changed {
        tracing::info!("the certificates have changed and are in use");
    }
    metrics.reload(is_whole);
}

fn count(certificates: &Certificates, metrics: &Metrics) {
    let ends = certificates.all().iter().map(|certificate| {
        let end = certificate.not_after().duration_since(UNIX_EPOCH).unwrap_or_default();
        (certificate.name(), end.as_secs())
    });
    metrics.certificates(ends);
}
