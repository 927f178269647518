//! The page's session, which is a token in a cookie.

use serde_json::json;

use crate::tenants::Tenants;

#[tokio::test]
async fn the_page_signs_in_with_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let mut tenants = Tenants::start().await;
    let (acme, ingest) = (tenants.tokens.add("acme", "read"), tenants.tokens.add("acme", "ingest"));
    tenants.guard().await;
    let json_type = ("content-type", "application/json");
    let sign_in = |token: &str| json!({ "token": token }).to_string();
    for (case, headers, body, status) in [
        ("a wrong token", &[json_type][..], sign_in("x"), 401),
        ("a token for sending", &[json_type], sign_in(&ingest), 403),
        (
            "a form, as another site could send it",
            &[("content-type", "text/plain")],
            sign_in(&acme),
            400,
        ),
        ("no JSON", &[json_type], "token".to_owned(), 400),
        ("far too much", &[json_type], sign_in(&"x".repeat(5000)), 400),
    ] {
        let answer = tenants.ask("POST", "/api/v1/session", headers, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.cookie),
            (status, None),
            "{case}: {}",
            answer.text
        );
    }

    let answer = tenants
        .ask("POST", "/api/v1/session", &[json_type], &sign_in(&acme))
        .await;
    let cookie = answer.cookie.unwrap();
    assert_eq!(
        cookie,
        format!("toolsight_session={acme}; Path=/; HttpOnly; SameSite=Strict")
    );
    let proxied = [json_type, ("x-forwarded-proto", "https")];
    let behind_a_proxy = tenants.ask("POST", "/api/v1/session", &proxied, &sign_in(&acme)).await;
    assert!(behind_a_proxy.cookie.unwrap().ends_with("; Secure"));

    let sent = format!("theme=dark; {}", cookie.split(';').next().unwrap());
    let with_cookie = [("cookie", sent.as_str())];
    let answer = tenants.ask("GET", "/api/v1/session", &with_cookie, "").await;
    assert_eq!(
        answer.json(),
        json!({"guarded": true, "role": "read", "tenant": "acme"})
    );
    let answer = tenants.ask("GET", "/api/v1/tools", &with_cookie, "").await;
    assert!(answer.status == 200 && answer.text.contains("acme"), "{answer:?}");
    let both = [("cookie", sent.as_str()), ("authorization", "Bearer wrong")];
    assert_eq!(
        tenants.ask("GET", "/api/v1/tools", &both, "").await.status,
        401,
        "a header wins"
    );

    let gone = tenants
        .ask("DELETE", "/api/v1/session", &with_cookie, "")
        .await
        .cookie
        .unwrap();
    assert!(
        gone.starts_with("toolsight_session=; ") && gone.ends_with("; Max-Age=0"),
        "{gone}"
    );
    assert_eq!(tenants.ask("GET", "/api/v1/session", &[], "").await.status, 401);
}
