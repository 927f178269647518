//! How long sessions last.

use super::*;

#[test]
fn a_session_is_timed_whichever_way_it_ends_and_anew_if_it_goes_on_after_all() {
    const IDLE: u64 = 30 * 60;
    let open = |stage: &Stage| {
        stage.post(stage.in_session(0), &request(1, "initialize", ""), &result(1, ""));
        stage.post(stage.in_session(10), CALL, OK);
    };
    let timed = |seen: Vec<Observation>| {
        let seconds = |seen: Observation| match seen {
            Observation::Session(session) => Some(session.duration.as_secs()),
            _ => None,
        };
        seen.into_iter().filter_map(seconds).collect::<Vec<_>>()
    };
    let stage = Stage::new();
    open(&stage);
    assert_eq!(timed(stage.observer.finish(stage.at(99))), [9], "it was last used then");
    assert_eq!(timed(stage.observer.finish(stage.at(99))), [0; 0], "it is told once");

    let stage = Stage::new();
    open(&stage);
    assert_eq!(
        timed(stage.observer.expire(stage.at(9 + IDLE))),
        [0; 0],
        "it may be used again"
    );
    assert_eq!(timed(stage.observer.expire(stage.at(10 + IDLE))), [9], "nobody uses it");
    assert_eq!(
        timed(stage.observer.expire(stage.at(20 + IDLE))),
        [0; 0],
        "it is told once"
    );
    for seconds in [5 * IDLE, 5 * IDLE + 7] {
        let record = stage.post(stage.in_session(seconds), CALL, OK);
        assert_eq!(record[0].session_id.as_deref(), Some("s1"));
    }
    assert_eq!(timed(stage.observer.finish(stage.at(6 * IDLE))), [7], "from then on");
}

#[test]
fn a_handshake_that_asks_for_a_version_without_sessions_may_begin_one() {
    let stage = Stage::new();
    let asks = r#""protocolVersion":"2026-07-28","clientInfo":{"name":"desk"}"#;
    let mut exchange = stage.begin(RequestHead {
        protocol_version: Some("2026-07-28".into()),
        ..stage.head(0)
    });
    exchange.request_data(request(1, "initialize", asks).as_bytes(), stage.at(0));
    let head = ResponseHead {
        status: 200.into(),
        session_id: Some("s1".into()),
        content: Content::Json,
        user: None,
        tenant: None,
    };
    exchange.response_head(head, stage.at(1));
    let told = result(1, r#""protocolVersion":"2025-11-25""#);
    exchange.response_data(told.as_bytes(), stage.at(1));
    let mut seen = records(exchange.take());
    seen.extend(stage.post(stage.in_session(2), CALL, OK));
    for record in seen {
        let told = (
            record.session_id.as_deref(),
            &*record.client.name,
            record.protocol_version.as_deref(),
        );
        assert_eq!(told, (Some("s1"), "desk", Some("2025-11-25")), "{}", record.method);
        assert_eq!(record.mismatch.names(), None, "{}", record.method);
    }
    // Nor does it tell that the server speaks that version.
    let modern = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let mut refused = stage.begin(stage.head(3));
    refused.request_data(request(7, "tools/list", modern).as_bytes(), stage.at(3));
    stage.answer(&mut refused, 3, 400, Content::Other, "no");
    refused.end(End::Complete, stage.at(3));
    assert_eq!(records(refused.take())[0].outcome, Outcome::Probe);
    // A version that a server without the others echoes, or a draft's, does not hide who calls in a session that is known.
    for version in ["2026-07-28", "DRAFT-2025-v2"] {
        let head = RequestHead {
            protocol_version: Some(version.into()),
            ..stage.in_session(2)
        };
        let seen = stage.post(head, CALL, OK);
        assert_eq!(&*seen[0].client.name, "desk", "{version}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn of_many_sessions_that_nobody_uses_so_many_are_told_at_a_time() {
    let stage = Stage::of_sessions(IDLE_AT_ONCE + 5);
    for index in 0..IDLE_AT_ONCE + 5 {
        let session_id = Some(format!("{index}").as_str().into());
        let head = RequestHead {
            session_id,
            ..stage.head(0)
        };
        stage.post(head, &request(1, "initialize", ""), &result(1, ""));
    }
    let told = [0, 10, 20].map(|late| stage.observer.expire(stage.at(3600 + late)).len());
    assert_eq!(told, [IDLE_AT_ONCE, 5, 0]);
}
