//! `callboard wallboard-token`: lets displays in, lists them, shuts them out, whether or not a server runs.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::admin_socket::{self, Answer, Order};
use super::application::open_store;
use super::arguments::TokenDeed;
use super::{CommandError, say};
use crate::config::Config;
use crate::domain::Actor;
use crate::store::{Store, StoreError};
use crate::web::access::Displays;
use base::Clock;
use base::secret::ExposeSecret;

/// What is to be done.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Wanted {
    /// Let one in.
    Create {
        /// What it shows.
        board: String,
        /// What people call it.
        name: String,
        /// For how long.
        days: u16,
        /// Whether more than the first browser may use its token.
        #[serde(default)]
        many_browsers: bool,
    },
    /// Say who is in.
    List,
    /// Shut one out.
    Revoke {
        /// Which.
        id: String,
    },
}

pub(super) async fn run(deed: TokenDeed) -> Result<(), CommandError> {
    let (path, wanted) = match deed {
        TokenDeed::Create { board, name, days, many_browsers, config } => {
            let name = name.unwrap_or_else(|| board.clone());
            (config, Wanted::Create { board, name, days, many_browsers })
        }
        TokenDeed::List { config } => (config, Wanted::List),
        TokenDeed::Revoke { id, config } => (config, Wanted::Revoke { id }),
    };
    let config = Config::load(Some(&path), std::env::vars()).map_err(|error| CommandError::Usage(error.to_string()))?;
    if let Wanted::Create { board, .. } = &wanted
        && !config.wallboards.iter().any(|known| known.name == *board)
    {
        let known: Vec<&str> = config.wallboards.iter().map(|board| board.name.as_str()).collect();
        return Err(CommandError::Usage(format!("There is no wallboard \"{board}\". There is: {}.", known.join(", "))));
    }
    let said = match admin_socket::give(&config.server.data_dir, &Order::Display(wanted.clone())).await {
        Some(Ok(Answer::Displays(said))) => said,
        Some(Ok(Answer::Failed(why))) => return Err(CommandError::Runtime(why)),
        Some(Ok(Answer::Erased(_))) => return Err(admin_socket::another_answer()),
        Some(Err(error)) => {
            return Err(CommandError::Runtime(format!("The server did not answer ({error}); give the order again.")));
        }
        // Where no server runs we open the database ourselves. One that runs and takes no orders holds the lock.
        None => {
            let store = open_store(&config, Clock::system()).await?;
            let done = async {
                let displays = Displays::open(store.clone(), Clock::system()).await?;
                carry_out(&displays, &store, &wanted).await
            };
            let said = done.await;
            store.close().await;
            said.map_err(|error| CommandError::Runtime(error.to_string()))?
        }
    };
    said.iter().for_each(|line| say(line));
    Ok(())
}

/// Does it, and says what became of it.
pub(super) async fn carry_out(displays: &Displays, store: &Store, wanted: &Wanted) -> Result<Vec<String>, StoreError> {
    let who = "callboard wallboard-token";
    let actor = Actor::command(who);
    match wanted {
        Wanted::Create { board, name, days, many_browsers } => {
            let term = SignedDuration::from_hours(24 * i64::from(*days));
            let (token, display) = displays.add(board, name, who, term, !many_browsers).await?;
            let entity = format!("display {}", display.id);
            let after = json!({"board": board, "name": name, "bound": !many_browsers});
            store.audit().record(&actor, "display.create", &entity, after).await?;
            let browsers = if *many_browsers { "every browser that has it" } else { "the first browser that uses it" };
            Ok(vec![
                token.text().expose_secret().to_owned(),
                format!(
                    "This token is shown once. Open /display#token=… on the screen, or type it there. It is good for {browsers}, \
                     until {}.",
                    display.expires.strftime("%Y-%m-%d")
                ),
            ])
        }
        Wanted::List => {
            let now = Clock::system().now();
            let line = |it: &crate::store::Display| {
                let state = if it.is_active(now) { "in" } else { "out" };
                let browsers = if it.is_bound { "one browser" } else { "many browsers" };
                let used = it.last_seen.map_or_else(|| "never seen".to_owned(), |at| format!("seen {at:.0}"));
                format!(
                    "{}  {state:<3}  {:<12}  {:<24}  {browsers}, {used}, until {}",
                    it.id,
                    it.board,
                    it.name,
                    it.expires.strftime("%Y-%m-%d")
                )
            };
            let listed: Vec<String> = store.displays().list().await?.iter().map(line).collect();
            Ok(if listed.is_empty() { vec!["No display has been let in.".to_owned()] } else { listed })
        }
        Wanted::Revoke { id } => {
            let was_in = displays.revoke(id).await?;
            if was_in {
                store.audit().record(&actor, "display.revoke", &format!("display {id}"), json!({})).await?;
            }
            Ok(vec![match was_in {
                true => format!("Display {id} is shut out."),
                false => format!("There is no display {id} that is in."),
            }])
        }
    }
}
