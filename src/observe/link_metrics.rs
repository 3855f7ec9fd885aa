//! What is counted of each link, where the configuration asks for it: shown are the links that are served, and their counts are
//! their own (`edge`).

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter},
};

use crate::{edge::Link, link::Table, outcome::Kind};

/// The links that are shown, if any are. Cloning shares them.
#[derive(Clone, Default)]
pub(super) struct Links(Arc<Mutex<Option<Arc<Table<Link>>>>>);

impl Links {
    /// Shows these from now on.
    pub(super) fn are(&self, links: Option<Arc<Table<Link>>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = links;
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Links")
    }
}

impl Collector for Links {
    /// Series that have counted nothing yet are left out, as with the other metrics: of a million links few are hit.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Not held while a million of them are written.
        let links = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(links) = links else { return Ok(()) };
        let counted = || {
            let links = links.items().iter();
            links.filter_map(|link| Some((&*link.at, link.counts.as_ref()?)))
        };
        let about_hits = "Requests at a link, by how they ended.";
        let mut hits = encoder.encode_descriptor("link_hits", about_hits, None, MetricType::Counter)?;
        for (link, counts) in counted() {
            for kind in Kind::ALL {
                let labels = [("link", link), ("outcome", kind.as_str())];
                let count = counts.hits(kind);
                if count > 0 {
                    ConstCounter::new(count).encode(hits.encode_family(&labels)?)?;
                }
            }
        }
        let about_clicks = "Hits of a link whose click the tracker was asked for and gave.";
        let mut clicks = encoder.encode_descriptor("link_clicks", about_clicks, None, MetricType::Counter)?;
        for (link, counts) in counted() {
            let count = counts.clicks();
            if count > 0 {
                ConstCounter::new(count).encode(clicks.encode_family(&[("link", link)])?)?;
            }
        }
        Ok(())
    }
}
