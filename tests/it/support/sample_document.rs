//! A plausible live document, a function of the number of agents and the time.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

const FIRST: [&str; 20] = [
    "Rob", "Mia", "Chen", "Ana", "Luis", "Priya", "Omar", "Ines", "Jonas", "Fatou", "Elena", "Sam", "Noor", "Tomás",
    "Ivy", "Kofi", "Lena", "Marco", "Yuki", "Zoë",
];
const QUEUES: [&str; 12] = [
    "Orders",
    "Returns",
    "Billing",
    "Technical help",
    "Deliveries",
    "Business customers",
    "Complaints",
    "Français",
    "Español",
    "Loyalty programme",
    "Warranty",
    "Store support",
];
const TEAMS: [&str; 6] = ["Orders A", "Orders B", "Aftercare", "Technical", "Business", "Evening"];
/// Status, activity, reason, how many of a hundred.
const STATUSES: [(&str, &str, &str, usize); 12] = [
    ("available", "available", "", 18),
    ("inCall", "inContact", "", 34),
    ("inImCall", "inContact", "", 9),
    ("ringing", "ringing", "", 3),
    ("afterCall", "afterCall", "", 11),
    ("unavailable", "away", "Coaching", 4),
    ("atLunch", "away", "", 5),
    ("beRightBack", "away", "", 3),
    ("ringOnNoAnswer", "away", "", 2),
    ("conferenceCall", "inContact", "", 2),
    ("loggedOut", "loggedOut", "", 8),
    ("wellnessPause", "unknown", "", 1),
];
const SAID: [(&str, u8); 8] = [
    (
        "I was passed on three times before somebody could help me, and the music is far too loud. In the end Rob was \
            very kind, but forty minutes for a label is too long.",
        3,
    ),
    ("Quick, friendly, solved. Thank you!", 10),
    ("Fine, although I had to explain everything twice.", 7),
    ("Le colis n'est jamais arrivé et personne ne rappelle.", 1),
    ("She found my order in a minute. Wonderful.", 9),
    ("The app said delivered. It was not. Please call me back before Friday.", 2),
    ("Good service as always.", 9),
    ("Why can't I change the address by myself?", 5),
];

/// `agents` agents, twelve queues, twenty responses, fifteen survey requests.
pub fn sample(now: Timestamp, agents: usize) -> Value {
    let mut floor = uncounted(now, agents);
    floor["counts"] = counts(&floor, &[]);
    floor
}

/// What the server counts of a floor; of these queues, or of all.
pub fn counts(floor: &Value, chosen: &[&str]) -> Value {
    let all = |section: &str| floor[section].as_object().cloned().unwrap_or_default();
    let staff = |fits: &dyn Fn(&Value) -> bool| {
        let agents: Vec<Value> =
            all("agents").into_iter().map(|(_, agent)| agent).filter(|agent| fits(agent)).collect();
        let count = |activity: &str| agents.iter().filter(|agent| agent["activity"] == activity).count();
        let names = ["available", "ringing", "inContact", "afterCall", "away", "loggedOut", "unknown"];
        let mut staff: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!(count(name)))).collect();
        let logged_in: usize = names[..5].iter().map(|name| count(name)).sum();
        staff.insert("agents".to_owned(), json!(agents.len()));
        staff.insert("loggedIn".to_owned(), json!(logged_in));
        Value::Object(staff)
    };
    let queues = all("queues");
    let of_board: Vec<(&String, &Value)> =
        queues.iter().filter(|(id, _)| chosen.is_empty() || chosen.contains(&id.as_str())).collect();
    let waiting: i64 = of_board.iter().filter_map(|(_, queue)| queue["waiting"].as_i64()).sum();
    let longest = of_board.iter().filter_map(|(id, queue)| Some((queue["longestWaitSince"].as_str()?, *id))).min();
    let open: u64 = all("teams").values().filter_map(|team| team["feedback"]["open"].as_u64()).sum();
    let teams_of = |queue: &Value| queue["teams"].as_array().cloned().unwrap_or_default();
    let mut counts = json!({ "all": { "staff": staff(&|_| true), "waiting": waiting, "openFeedback": open } });
    if let Some((since, queue)) = longest {
        counts["all"]["longestWaitSince"] = json!(since);
        counts["all"]["longestWaitQueue"] = json!(queue.parse::<i64>().expect("a number"));
    }
    let total =
        |name: &str| -> i64 { of_board.iter().filter_map(|(_, queue)| queue["metrics"]["audio"][name].as_i64()).sum() };
    counts["all"]["metrics"] =
        json!({ "answeredCount": total("answeredCount"), "abandonedCount": total("abandonedCount") });
    for id in all("teams").keys() {
        counts[format!("team:{id}")] = json!({ "staff": staff(&|agent| agent["team"].as_i64() == id.parse().ok()) });
    }
    for (id, queue) in &queues {
        counts[format!("queue:{id}")] = json!({ "staff": staff(&|agent| teams_of(queue).contains(&agent["team"])) });
    }
    counts
}

fn uncounted(now: Timestamp, agents: usize) -> Value {
    json!({
        "agents": people(now, agents),
        "queues": queues(now),
        "teams": TEAMS.iter().enumerate().map(|(i, name)| ((i + 1).to_string(), json!({ "name": name,
            "groups": { "1": "Retail" }, "unit": "Shop", "feedback": { "responses": 40, "open": i, "since": ago(now,
            30 * 86_400) } }))).collect::<Map<_, _>>(),
        "feedback": feedback(now, agents),
        "surveys": surveys(now, agents),
        "alerts": {},
        "labels": { "availableTime": "Time ready for contacts" },
        "sources": {
            "clarity": { "state": "live", "since": ago(now, 5400), "lastData": ago(now, 1), "transport": "webSockets",
                "counters": { "messages": 48211, "reconnects": 2, "resyncs": 1 } },
            "goodays": { "state": "live", "since": ago(now, 5400), "lastData": ago(now, 130), "transport": "webhook",
                "counters": { "received": 212, "duplicates": 9, "refused": 1 } },
            "agentConnect": { "state": "polling", "since": ago(now, 5400), "lastData": ago(now, 40),
                "transport": "polling", "counters": { "sent": 184, "accepted": 179 } },
            "kustomer": { "state": "off" }
        }
    })
}

/// The same in the scope of agent 45, with their status history and metrics by queue.
pub fn agent_detail(now: Timestamp, agents: usize) -> Value {
    let mut floor = sample(now, agents);
    let agent = &mut floor["agents"]["45"];
    let since = agent["since"].as_str().unwrap_or_default().to_owned();
    let stint = |began: i64, until: Option<i64>, status: &str, activity: &str| {
        let mut stint = json!({ "status": status, "activity": activity });
        if let Some(until) = until {
            stint["until"] = json!(ago(now, until));
        }
        (ago(now, began), stint)
    };
    let past = [
        stint(3600, Some(2400), "available", "available"),
        stint(2400, Some(1200), "inCall", "inContact"),
        stint(1200, Some(600), "unavailable", "away"),
    ];
    let mut history: Map<String, Value> = past.into_iter().collect();
    history[&ago(now, 1200)]["reason"] = json!("Coaching");
    history.insert(since, json!({ "status": agent["status"], "activity": agent["activity"] }));
    agent["history"] = Value::Object(history);
    agent["occupancy"] = json!({ "value": 50.0, "handling": 1_200_000, "available": 1_200_000 });
    agent["byQueue"] = json!({ "7": { "audio": { "answeredCount": 9, "ronaCount": 1, "takenCount": 10 } },
        "99": { "audio": { "answeredCount": 2 } } });
    floor
}

fn people(now: Timestamp, agents: usize) -> Map<String, Value> {
    let mut map = Map::new();
    for i in 0..agents {
        let (status, activity, reason) = status_of(i * 37 % 100);
        let since = ago(now, (i * 7919 % 900) as i64 + if activity == "loggedOut" { 40_000 } else { 3 });
        let name = format!("{} {}.", FIRST[i % FIRST.len()], (b'A' + (i / FIRST.len() * 5 + i % 7) as u8 % 26) as char);
        let (audio, chats) = (i * 13 % 41, i * 5 % 12);
        let mut agent = json!({
            "name": name, "team": i % TEAMS.len() + 1, "status": status, "activity": activity, "since": since,
                "suspended": i == 17,
            "metrics": { "audio": { "answeredCount": audio, "ronaCount": usize::from(i % 9 == 0) * (i % 4) },
                "instantMessage": { "answeredCount": chats },
                "agnostic": { "availableTime": { "total": 1_845_000 + i * 60_000, "average": 61_500.5,
                    "count": 30 } } },
        });
        if !reason.is_empty() {
            agent["reason"] = json!(reason);
        }
        if activity == "inContact" {
            let kind = if status == "inImCall" { "instantMessage" } else { "audio" };
            let mut sessions = Map::new();
            for extra in 0..=usize::from(kind == "instantMessage" && i % 2 == 0) {
                let session = json!({ "queue": i % QUEUES.len() + 1, "modality": kind, "kind": "queued",
                    "status": "active", "since": since, "customer": "Ann B." });
                sessions.insert((82_000 + i * 2 + extra).to_string(), session);
            }
            agent["sessions"] = Value::Object(sessions);
        }
        if i % 3 != 2 {
            let n = i * 7 % 23 + 1;
            let (promoters, detractors) = (n * (i % 5 + 3) / 9, n / (i % 3 + 4));
            let value = (promoters as f64 - detractors as f64) * 1000.0 / n as f64;
            agent["feedback"] = json!({ "responses": n + 1, "open": usize::from(i % 11 == 0) * 2, "since": ago(now,
                30 * 86_400),
                "nps": { "value": value.round() / 10.0, "promoters": promoters, "detractors": detractors, "n": n } });
        }
        if i == 4 {
            agent["other"] = json!({ "deskLocation": "Floor 2, B14" });
        }
        map.insert((41 + i).to_string(), agent);
    }
    map
}

fn status_of(mut place: usize) -> (&'static str, &'static str, &'static str) {
    for (status, activity, reason, share) in STATUSES {
        if place < share {
            return (status, activity, reason);
        }
        place -= share;
    }
    ("available", "available", "")
}

fn queues(now: Timestamp) -> Map<String, Value> {
    let mut map = Map::new();
    for (i, name) in QUEUES.iter().enumerate() {
        let waiting = [2, 0, 5, 1, 0, 0, 11, 0, 3, 0, 0, 1][i];
        let mut queue = json!({
            "name": name, "open": i != 9, "teams": [i % TEAMS.len() + 1], "waiting": waiting,
                "agentsOnline": 8 + i * 5 % 13, "agentsAvailable": (i * 3) % 7,
            "metrics": { "audio": { "queuedCount": waiting, "answeredCount": 310 - i * 17,
                "abandonedCount": i * 5 % 12 } },
        });
        let sessions: Map<_, _> = (0..waiting)
            .map(|k| {
                let since = ago(now, ((i + 1) * 23 + k * 11) as i64);
                (
                    (90_000 + i * 100 + k).to_string(),
                    json!({ "queue": i + 1, "modality": "audio", "status": "queued",
                    "since": since, "customer": format!("Customer {k}") }),
                )
            })
            .collect();
        if waiting > 0 {
            queue["longestWaitSince"] = json!(ago(now, ((i + 1) * 23 + (waiting - 1) * 11) as i64));
            queue["sessions"] = Value::Object(sessions);
        }
        if i % 4 != 3 {
            queue["feedback"] = json!({ "responses": 90, "open": 3, "nps": { "value": 12.5 + i as f64 * 4.0,
                "promoters": 41, "detractors": 30, "n": 88 - i } });
        } else {
            queue["feedback"] =
                json!({ "responses": 4, "open": 0, "nps": { "value": 50.0, "promoters": 3, "detractors": 1, "n": 4 } });
        }
        map.insert((i + 1).to_string(), queue);
    }
    map
}

fn feedback(now: Timestamp, agents: usize) -> Map<String, Value> {
    let mut map = Map::new();
    for i in 0..20 {
        let (text, nps) = SAID[i % SAID.len()];
        let agent = 41 + i * 11 % agents.max(1);
        let at = ago(now, (i * i * 190 + 75) as i64);
        let joined = match i % 4 {
            0 | 1 => {
                json!({ "rule": "extra.session", "confidence": "certain",
                    "evidence": format!("the survey carried session {}", 82_000 + i), "session": 82_000 + i,
                    "agent": agent, "queue": i % 12 + 1, "team": i % 6 + 1 })
            }
            2 => {
                json!({ "rule": "place", "confidence": "certain",
                    "evidence": "place 1234 is queue Billing in the configuration", "queue": 3 })
            }
            _ => json!({ "rule": "unlinked", "evidence": "it carries no session and place 77 is in no table" }),
        };
        let mut item = json!({
            "state": if i % 5 == 4 { "closed" } else if i % 5 == 3 { "pending" } else { "open" }, "created": at,
                "source": "email", "survey": "After the call", "nps": nps,
            "customer": format!("{} {}.", FIRST[(i * 3 + 1) % FIRST.len()], (b'K' + i as u8 % 9) as char),
                "place": (["Chicago Loop", "Lyon Part-Dieu", "Online shop"][i % 3]),
            "answers": { "0": { "question": "How likely are you to recommend us?", "kind": "nps", "value": nps },
                "1": { "question": "Was your question answered?", "kind": "choice", "value": ["Partly"] } },
            "messages": { "m1": { "at": at, "kind": if nps > 6 { "praise" } else { "problem" }, "text": text } },
            "offeredActions": { "reply": true, "call": true, "close": true }, "alert": nps < 3, "attribution": joined,
        });
        if i % 5 == 3 {
            item["messages"]["m2"] = json!({ "at": ago(now, 30), "kind": "message", "from": "Mia F.",
                "text": "We are sorry. A colleague will call you this afternoon.",
                "attachment": "https://files.example.com/label.pdf" });
        }
        map.insert(format!("r{:03}", 900 + i), item);
    }
    map
}

fn surveys(now: Timestamp, agents: usize) -> Map<String, Value> {
    let states = ["accepted", "accepted", "sent", "accepted", "rejected", "queued", "accepted", "failed", "unknown"];
    (0..15)
        .map(|i| {
            let state = states[i % states.len()];
            let mut survey = json!({
                "interaction": format!("82{:03}-{i}", 300 + i), "session": 82_300 + i,
                    "agent": 41 + i * 7 % agents.max(1), "employee": format!("{}@example.com", FIRST[i].to_lowercase()),
                "customer": format!("Customer {i}"), "channel": (["phone", "chat", "email"][i % 3]), "state": state,
                    "attempts": usize::from(state != "queued") + usize::from(state == "failed") * 4,
                "created": ago(now, (i * 700 + 20) as i64), "changed": ago(now, (i * 600 + 5) as i64),
            });
            match state {
                "rejected" => survey["reason"] = json!("employee_email: no such employee"),
                "failed" => survey["reason"] = json!("The answer was 503 five times."),
                "unknown" => survey["reason"] = json!("The connection broke before the answer came."),
                _ => {}
            }
            (format!("s{i:02}"), survey)
        })
        .collect()
}

fn ago(now: Timestamp, seconds: i64) -> String {
    now.checked_sub(SignedDuration::from_secs(seconds)).expect("a test's instants are near each other").to_string()
}
