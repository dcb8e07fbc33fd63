//! What users are promised, one file per promise, in one binary.

mod a_clarity_that_fails;
mod answering_customers;
mod commands;
mod convergence;
mod conversations_that_close;
mod demo_in_a_browser;
mod disk_that_fails;
mod feed_that_breaks;
mod feedback_from_webhooks;
mod following_a_third_party;
mod forgetting;
mod goodays_in_arrears;
mod live_protocol;
mod microsoft_client;
mod near_an_agent;
mod operations;
mod page_life;
mod pushes_that_fail;
mod sessions_that_end;
mod supervision;
mod support;
mod surveys;
mod surveys_that_come_back;
mod third_party_signalr;
mod what_a_site_tells;
mod windows_sign_in;
