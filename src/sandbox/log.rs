//! The log line of a call. Where logs go, and which levels, is the command's.

use super::answer::Answer;
use super::query::Query;
use std::time::Duration;

/// Names what is logged instead of leaving out the key, so that nothing unexpected slips through.
pub(super) fn call(query: &Query, answer: &Answer, delay: Duration) {
    tracing::debug!(
        target: "onehop::sandbox",
        offer_id = query.text("offer_id"),
        campaign_id = query.text("campaign_id"),
        promo_id = query.text("promo_id"),
        user_ip = query.text("user_ip"),
        user_useragent = query.text("user_useragent"),
        status = answer.http().map(|(status, _)| status.as_u16()),
        answer = answer.label(),
        ?delay,
        "call"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::{Debug, Write};
    use std::sync::{Arc, Mutex};
    use tracing::field::{Field, Visit};
    use tracing::{Event, Metadata, Subscriber, span};

    /// Keeps each event as a line of text.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn event(&self, event: &Event<'_>) {
            let metadata = event.metadata();
            let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn a_call_is_one_line_without_its_key() {
        let lines = Lines::default();
        let query = Query::parse("secure_key=very-secret&offer_id=7&user_useragent=a%0Ab");
        tracing::subscriber::with_default(lines.clone(), || {
            call(&query, &Answer::access_denied(), Duration::from_millis(5));
        });
        let expected = "DEBUG onehop::sandbox message=call offer_id=\"7\" user_useragent=\"a\\nb\" \
             status=403 answer=\"Access denied\" delay=5ms";
        assert_eq!(*lines.0.lock().unwrap(), [expected]);
    }
}
