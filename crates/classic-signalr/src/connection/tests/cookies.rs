//! Two nodes behind a load balancer: a request without the cookie reaches the node that does not know the connection.

use super::*;

fn farm(transport: Transport) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.transports = vec![transport];
        settings.ping_interval = Duration::from_millis(20);
        // The server knows by it that there are two of it.
        settings.query = vec![("farm".to_owned(), "2".to_owned())];
    }
}

#[tokio::test]
async fn every_request_reaches_the_node_that_negotiated() {
    const FIRST: &str = r#"{"C":"s-0,1","S":1,"M":[]}"#;
    let offer = NEGOTIATED.replace("false", "true");
    for (transport, stages, commands) in [
        (Transport::WebSockets, vec![Stage::Socket(&[FIRST])], &["connect", "start", "ping", "abort"][..]),
        (
            Transport::ServerSentEvents,
            vec![Stage::SayAndClose(&[INIT]), Stage::Say(&[CALL])],
            &["connect", "start", "reconnect", "ping", "abort"],
        ),
        (
            Transport::LongPolling,
            vec![Stage::Answer(FIRST), Stage::Hold(&[])],
            &["connect", "start", "poll", "ping", "abort"],
        ),
    ] {
        let (server, mut connection, _) = Server::follow_with(None, &offer, stages, farm(transport)).await;
        let opened = format!("opened over {transport}");
        assert_eq!(story(&mut connection, &opened).await, std::slice::from_ref(&opened));
        for command in commands.iter().filter(|command| **command != "abort") {
            server.until_seen(command, 1).await;
        }
        connection.close().await;
        for command in commands {
            for seen in server.seen(command) {
                assert_eq!(seen.cookie.as_deref(), Some("node=a"), "{command} over {transport}");
            }
            assert!(!server.seen(command).is_empty(), "{command} over {transport}");
        }
    }
}
