//! One request at a time.

use super::*;

const FIRST: &str = r#"{"C":"s-0,1","S":1,"M":[]}"#;
const NEWS: &str = r#"{"C":"d-1|A,2+3","G":"g+1/=","M":[{"H":"Connect","M":"onData","A":[1]}]}"#;
const MORE: &str = r#"{"C":"d-1|A,2+4","M":[{"H":"Connect","M":"onMore","A":[]}]}"#;
const NOTHING: &str = r#"{"C":"d-1|A,2+4","M":[]}"#;

fn only_polls(settings: &mut Settings) {
    settings.transports = vec![Transport::LongPolling];
}

async fn follow(negotiated: &str, stages: Vec<Stage>) -> (Server, Connection, Arc<Bearer>) {
    Server::follow_with(None, negotiated, stages, only_polls).await
}

#[tokio::test]
async fn long_polling_is_the_last_transport_tried() {
    let offer = NEGOTIATED
        .replace("false", "true")
        .replace(r#""TransportConnectTimeout":5.0"#, r#""TransportConnectTimeout":0.5"#);
    let swallowed = Stage::Say(&["data: initialized\n\n"]);
    let stages = vec![Stage::Refuse(500), swallowed, Stage::Answer(FIRST), Stage::Answer(NEWS)];
    let (server, mut connection, _) = Server::follow(&offer, stages).await;
    assert_eq!(story(&mut connection, "Connect.onData(#1)").await, ["opened over longPolling", "Connect.onData(#1)"]);
    let connects = server.seen("connect");
    let of = |name: &str| connects.iter().map(|seen| seen.query[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("transport"), ["webSockets", "serverSentEvents", "longPolling"]);
    assert_eq!(of("connectionToken"), [TOKEN, TOKEN, TOKEN]);
    assert_eq!(connects[2].method, Method::POST);
    assert_eq!((server.seen("negotiate").len(), server.seen("start").len()), (1, 1));
}

#[tokio::test]
async fn each_poll_names_the_position() {
    let stages =
        vec![Stage::Answer(FIRST), Stage::Answer(NEWS), Stage::Answer(NOTHING), Stage::Answer(MORE), Stage::Hold(&[])];
    let (server, mut connection, _) = follow(NEGOTIATED, stages).await;
    assert_eq!(story(&mut connection, "Connect.onMore(#0)").await.len(), 3);
    let polls = server.until_seen("poll", 4).await;
    let told: Vec<_> = polls
        .iter()
        .map(|seen| (&*seen.query["messageId"], seen.query.get("groupsToken").map(String::as_str)))
        .collect();
    let group = Some("g+1/=");
    assert_eq!(told, [("s-0,1", None), ("d-1|A,2+3", group), ("d-1|A,2+4", group), ("d-1|A,2+4", group)]);
    assert!(polls.iter().all(|seen| seen.method == Method::POST && seen.form.is_empty()));
    assert!(polls.iter().all(|seen| seen.authorization.as_deref() == Some("Bearer jwt")));
    connection.close().await;
    assert_eq!(server.seen("abort")[0].query["transport"], "longPolling");
}

#[tokio::test]
async fn long_groups_token_goes_into_the_form() {
    let token = "t".repeat(4000);
    let long: &'static str = format!(r#"{{"C":"d-1|A,9","G":"{token}","M":[{{"H":"c","M":"m","A":[]}}]}}"#).leak();
    let (server, mut connection, _) =
        follow(NEGOTIATED, vec![Stage::Answer(FIRST), Stage::Answer(long), Stage::Hold(&[])]).await;
    story(&mut connection, "c.m(#0)").await;
    let poll = &server.until_seen("poll", 2).await[1];
    assert_eq!(poll.query.get("groupsToken"), None);
    assert_eq!(poll.query["connectionToken"], TOKEN);
    assert_eq!(poll.form, format!("messageId=d-1%7CA%2C9&groupsToken={token}"));
}

#[tokio::test]
async fn failed_poll_resumes_at_the_cursor() {
    let stages =
        vec![Stage::Answer(FIRST), Stage::Answer(NEWS), Stage::Refuse(502), Stage::Answer(MORE), Stage::Hold(&[])];
    let (server, mut connection, _) = follow(NEGOTIATED, stages).await;
    let told = story(&mut connection, "Connect.onMore(#0)").await;
    assert_eq!(told, ["opened over longPolling", "Connect.onData(#1)", "lost", "resumed", "Connect.onMore(#0)"]);
    let again = &server.seen("reconnect")[0];
    assert_eq!((again.query["messageId"].as_str(), again.query["groupsToken"].as_str()), ("d-1|A,2+3", "g+1/="));
    assert_eq!((&again.method, server.seen("negotiate").len()), (&Method::POST, 1));
    assert_eq!(server.until_seen("poll", 3).await[2].query["messageId"], "d-1|A,2+4");
}

#[tokio::test]
async fn reconnect_without_news_counts_as_open() {
    let stages = vec![Stage::Answer(FIRST), Stage::Refuse(502), Stage::AnswerOnCue(MORE), Stage::Hold(&[])];
    let (server, mut connection, _) = follow(NEGOTIATED, stages).await;
    story(&mut connection, "resumed").await;
    server.cue.notify_one();
    assert_eq!(story(&mut connection, "Connect.onMore(#0)").await, ["Connect.onMore(#0)"]);
}

/// U1: a token that runs out between two polls is replaced without a gap.
#[tokio::test]
async fn expired_token_is_replaced_without_a_reconnect() {
    let stages = vec![Stage::Answer(FIRST), Stage::Refuse(401), Stage::Answer(NEWS), Stage::Hold(&[])];
    let (server, mut connection, bearer) = follow(NEGOTIATED, stages).await;
    assert_eq!(story(&mut connection, "Connect.onData(#1)").await, ["opened over longPolling", "Connect.onData(#1)"]);
    assert_eq!(*bearer.refused.lock().expect("no panic"), 1);
    assert!(server.seen("reconnect").is_empty());
}

#[tokio::test]
async fn repeated_401_starts_a_new_connection() {
    let stages = vec![
        Stage::Answer(FIRST),
        Stage::Refuse(401),
        Stage::Refuse(401),
        Stage::Refuse(401),
        Stage::Answer(FIRST),
        Stage::Hold(&[]),
    ];
    let (server, mut connection, _) = follow(NEGOTIATED, stages).await;
    assert_eq!(story(&mut connection, "failed 401").await, ["opened over longPolling", "lost", "failed 401"]);
    story(&mut connection, "opened over longPolling").await;
    assert_eq!(server.seen("negotiate").len(), 2);
}

#[tokio::test]
async fn forgotten_poll_connection_is_negotiated_anew() {
    let stages = vec![
        Stage::Answer(FIRST),
        Stage::Refuse(400),
        Stage::Refuse(400),
        Stage::Answer(FIRST),
        Stage::Answer(NEWS),
        Stage::Hold(&[]),
    ];
    let (server, mut connection, _) = follow(NEGOTIATED, stages).await;
    let told = story(&mut connection, "Connect.onData(#1)").await;
    let anew = ["opened over longPolling", "lost", "failed 400", "opened over longPolling", "Connect.onData(#1)"];
    assert_eq!(told, anew);
    assert_eq!(server.seen("negotiate").len(), 2);
    assert_eq!(server.seen("poll")[1].query.get("groupsToken"), None, "nothing of the old connection is told");
}

#[tokio::test]
async fn silently_held_poll_is_not_lost() {
    // Silence twenty times as long as the keep-alive time is no fault here: this server writes no blanks.
    let offer = NEGOTIATED.replace("20.0", "0.05");
    let (server, mut connection, _) =
        follow(&offer, vec![Stage::Answer(FIRST), Stage::AnswerOnCue(NEWS), Stage::Hold(&[])]).await;
    assert_eq!(story(&mut connection, "opened over longPolling").await.len(), 1);
    assert!(tokio::time::timeout(Duration::from_secs(1), connection.next()).await.is_err(), "nothing happens");
    server.cue.notify_one();
    assert_eq!(story(&mut connection, "Connect.onData(#1)").await, ["Connect.onData(#1)"]);
}

#[tokio::test]
async fn silence_after_keep_alives_loses_the_transport() {
    let offer = NEGOTIATED.replace("20.0", "0.5");
    let (_, mut connection, _) = follow(&offer, vec![Stage::Answer(FIRST), Stage::Hold(&[" ", " "])]).await;
    let told = story(&mut connection, "lost in silence").await;
    assert_eq!(told.first().map(String::as_str), Some("opened over longPolling"));
}

#[tokio::test]
async fn blanks_around_a_frame_are_ignored() {
    const BLANKS: &str = "   {\"C\":\"d-1|A,2+4\",\"M\":[{\"H\":\"Connect\",\"M\":\"onMore\",\"A\":[]}]} ";
    let (_, mut connection, _) =
        follow(NEGOTIATED, vec![Stage::Answer(FIRST), Stage::Answer(BLANKS), Stage::Hold(&[])]).await;
    assert_eq!(story(&mut connection, "Connect.onMore(#0)").await, ["opened over longPolling", "Connect.onMore(#0)"]);
}

/// U9 and U10: what is invalid, and what is too large.
#[tokio::test]
async fn malformed_answer_is_skipped_once_and_a_large_one_is_fatal() {
    let stages = vec![
        Stage::Answer(FIRST),
        Stage::Answer("{\"C\":\"half"),
        Stage::Answer(NEWS),
        Stage::Answer("?"),
        Stage::Answer("?"),
        Stage::Answer(FIRST),
        Stage::Hold(&[]),
    ];
    let (_, mut connection, _) = follow(NEGOTIATED, stages).await;
    let told = story(&mut connection, "lost").await;
    assert_eq!(told, ["opened over longPolling", "malformed", "Connect.onData(#1)", "malformed", "lost"]);
    story(&mut connection, "opened over longPolling").await;

    let large: &'static str = " ".repeat(10).leak();
    let large: &'static str = format!("{{{large}{}", " ".repeat(LIMIT)).leak();
    let (server, mut connection, _) =
        follow(NEGOTIATED, vec![Stage::Answer(FIRST), Stage::Answer(large), Stage::Answer(FIRST), Stage::Hold(&[])])
            .await;
    story(&mut connection, "lost").await;
    story(&mut connection, "opened over longPolling").await;
    assert_eq!((server.seen("negotiate").len(), server.seen("reconnect").len()), (2, 0));
}
