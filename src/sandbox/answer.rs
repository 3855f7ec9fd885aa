//! What the Click API can say, in its own words and shapes. Why it says so is decided elsewhere.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Click {
        click_id: String,
        session_id: String,
        /// The tracker had this click before this call.
        exists: bool,
        /// What a traffic URL may hold, by macro name.
        params: Map<String, Value>,
    },
    Trafficback(Reason),
    Error(StatusCode, String),
    /// The call is left without an answer.
    Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    OfferInactive,
    CampaignInactive,
    Targeting,
    Overcap,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::OfferInactive => "offer_inactive",
            Self::CampaignInactive => "campaign_inactive",
            Self::Targeting => "targeting",
            Self::Overcap => "overcap",
        }
    }
}

impl Answer {
    pub(super) fn not_valid(field: &str) -> Self {
        let message = format!("Field request.{field} is not valid");
        Self::Error(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn access_denied() -> Self {
        Self::Error(StatusCode::FORBIDDEN, "Access denied".into())
    }

    pub(super) fn click_api_disabled() -> Self {
        let message = "Click api disabled for this offer";
        Self::Error(StatusCode::FORBIDDEN, message.into())
    }

    pub(super) fn failed() -> Self {
        let message = "Something bad happened on the server side, administration notified";
        Self::Error(StatusCode::INTERNAL_SERVER_ERROR, message.into())
    }

    pub(super) fn not_found() -> Self {
        Self::Error(StatusCode::NOT_FOUND, "Not found".into())
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::Error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed".into())
    }

    /// The HTTP status and the JSON body, or `None` for silence.
    pub(super) fn http(&self) -> Option<(StatusCode, Value)> {
        Some(match self {
            Self::Click {
                click_id,
                session_id,
                exists,
                params,
            } => {
                let data = json!({
                    "click_id": click_id,
                    "params": params,
                    "exists": exists,
                    "session_id": session_id,
                });
                // The Click API tells no code in a full success.
                (StatusCode::OK, json!({ "data": data, "status": "success" }))
            }
            Self::Trafficback(reason) => (
                StatusCode::ACCEPTED,
                json!({ "reason": reason.name(), "status": "trafficback", "code": 202 }),
            ),
            Self::Error(code, message) => (
                *code,
                json!({ "message": message, "status": "error", "code": code.as_u16() }),
            ),
            Self::Silence => return None,
        })
    }

    /// One word for the log.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Click { exists: false, .. } => "click",
            Self::Click { exists: true, .. } => "click (exists)",
            Self::Trafficback(reason) => reason.name(),
            Self::Error(_, message) => message,
            Self::Silence => "never",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_http(answer: &Answer, status: u16, body: &str) {
        let expected: Value = serde_json::from_str(body).unwrap();
        let (got, value) = answer.http().unwrap();
        assert_eq!((got.as_u16(), value), (status, expected));
    }

    #[test]
    fn a_click_is_shaped_as_documented() {
        let answer = Answer::Click {
            click_id: "c".into(),
            session_id: "s".into(),
            exists: true,
            params: Map::from_iter([("click_id".to_owned(), json!("c"))]),
        };
        let body =
            r#"{"data":{"click_id":"c","params":{"click_id":"c"},"exists":true,"session_id":"s"},"status":"success"}"#;
        assert_http(&answer, 200, body);
    }

    #[test]
    fn trafficbacks_are_shaped_as_documented() {
        for (reason, name) in [
            (Reason::OfferInactive, "offer_inactive"),
            (Reason::CampaignInactive, "campaign_inactive"),
            (Reason::Targeting, "targeting"),
            (Reason::Overcap, "overcap"),
        ] {
            let body = format!(r#"{{"reason":"{name}","status":"trafficback","code":202}}"#);
            assert_http(&Answer::Trafficback(reason), 202, &body);
        }
    }

    #[test]
    fn errors_are_shaped_as_documented() {
        for (answer, code, message) in [
            (
                Answer::not_valid("offer_id"),
                400,
                "Field request.offer_id is not valid",
            ),
            (Answer::access_denied(), 403, "Access denied"),
            (Answer::click_api_disabled(), 403, "Click api disabled for this offer"),
            (
                Answer::failed(),
                500,
                "Something bad happened on the server side, administration notified",
            ),
            (Answer::not_found(), 404, "Not found"),
            (Answer::method_not_allowed(), 405, "Method not allowed"),
        ] {
            let body = format!(r#"{{"message":"{message}","status":"error","code":{code}}}"#);
            assert_http(&answer, code, &body);
        }
    }

    #[test]
    fn silence_has_no_answer() {
        assert_eq!(Answer::Silence.http(), None);
    }
}
