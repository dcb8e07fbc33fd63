//! Posts a form as a Windows account and prints the answer:
//! `PASSWORD=... cargo run --example post_form -- 'EXAMPLE\svc' https://intranet.example.com/token grant_type=windows`
//!
//! Without `PASSWORD` the account is proved by a Kerberos ticket, from the credential cache that `KRB5CCNAME` names.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of its own, with the time of this machine"
)]

use jiff::Timestamp;
use windows_auth::{Account, Authenticator, Credential, Method};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(username), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: post_form USER URL [NAME=VALUE]...".into());
    };
    let fields: Vec<String> = arguments.collect();
    let form: Vec<(&str, &str)> = fields.iter().map(|field| field.split_once('=').unwrap_or((field, ""))).collect();
    let credential = match std::env::var("PASSWORD") {
        Ok(password) => Credential::Password(password.into()),
        Err(_) => {
            let cache = std::env::var("KRB5CCNAME").map_err(|_| "set PASSWORD or KRB5CCNAME")?;
            Credential::Cache(cache.trim_start_matches("FILE:").into())
        }
    };
    let account = Account { username, domain: String::new(), credential };
    let authenticator = Authenticator::new(account, Method::Negotiate, None);
    let response = authenticator.post_form(&url.parse()?, &form, Timestamp::now()).await?;
    let proof = if response.is_authenticated { "authenticated" } else { "not asked to authenticate" };
    println!("{} ({proof})", response.status);
    println!("{}", String::from_utf8_lossy(&response.body));
    Ok(())
}
