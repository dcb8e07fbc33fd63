//! A client for classic ASP.NET SignalR.
