//! A conversation in which everything that can be private is a marker.

/// What the client (`true`) and the server say, in turns, with `@` for the marker wherever a person's words may stand.
pub(crate) const SAID: &[(bool, &str)] = &[
    (
        true,
        r#"{"id":1,"method":"prompts/get","params":{"name":"greet","arguments":{"who":"@"}}}"#,
    ),
    (
        false,
        r#"{"id":1,"result":{"description":"@","messages":[{"role":"user","content":{"type":"text","text":"@"}}]}}"#,
    ),
    (
        true,
        r#"{"id":2,"method":"resources/read","params":{"uri":"file:///home/@/notes?q=@"}}"#,
    ),
    (
        false,
        r#"{"id":2,"result":{"contents":[{"uri":"file:///home/@/notes","text":"@"}]}}"#,
    ),
    (true, r#"{"id":3,"method":"resources/subscribe","params":{"uri":"@"}}"#),
    (
        false,
        r#"{"id":3,"error":{"code":-32602,"message":"@","data":{"@":"@"}}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/resources/updated","params":{"uri":"file:///@","title":"@"}}"#,
    ),
    (
        true,
        r#"{"id":4,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"@"},"argument":{"name":"@","value":"@"}}}"#,
    ),
    (false, r#"{"id":4,"result":{"completion":{"values":["@"]}}}"#),
    (
        true,
        r#"{"id":5,"method":"tools/call","params":{"name":"book","arguments":{"city":"@"},"task":{"ttl":1},"_meta":{"progressToken":"@"}}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/progress","params":{"progressToken":"@","progress":1,"message":"@"}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/message","params":{"level":"info","data":"@"}}"#,
    ),
    (
        false,
        r#"{"id":5,"result":{"task":{"taskId":"@","status":"working","statusMessage":"@"}}}"#,
    ),
    (true, r#"{"id":6,"method":"tasks/result","params":{"taskId":"@"}}"#),
    (
        false,
        r#"{"id":6,"result":{"content":[{"type":"text","text":"@"}],"structuredContent":{"@":"@"}}}"#,
    ),
    (
        false,
        r#"{"id":7,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"@"}}],"systemPrompt":"@"}}"#,
    ),
    (
        true,
        r#"{"id":7,"result":{"role":"assistant","model":"@","content":{"type":"text","text":"@"}}}"#,
    ),
    (
        false,
        r#"{"id":8,"method":"elicitation/create","params":{"message":"@","requestedSchema":{"properties":{"@":{"type":"string"}}}}}"#,
    ),
    (true, r#"{"id":8,"result":{"action":"accept","content":{"name":"@"}}}"#),
    (
        true,
        r#"{"id":9,"method":"tools/call","params":{"name":"book","requestState":"@","inputResponses":{"@":{"content":{"@":"@"}}}}}"#,
    ),
    (
        false,
        r#"{"id":9,"result":{"resultType":"input_required","requestState":"@","inputRequests":{"@":{"params":{"message":"@"}}}}}"#,
    ),
    (
        true,
        r#"{"method":"notifications/cancelled","params":{"requestId":10,"reason":"@"}}"#,
    ),
    (
        true,
        r#"{"id":11,"method":"tools/call","params":{"name":"book","arguments":"@"}}"#,
    ),
    (
        false,
        r#"{"id":11,"result":{"isError":true,"content":[{"type":"text","text":"@"}]}}"#,
    ),
    (true, r#"{"id":12,"method":"resources/templates/list"}"#),
    (
        false,
        r#"{"id":12,"result":{"resourceTemplates":[{"name":"@","uriTemplate":"users://{id}/profile","description":"@"}]}}"#,
    ),
    (
        true,
        r#"{"id":13,"method":"resources/read","params":{"uri":"users://@/profile"}}"#,
    ),
    (
        false,
        r#"{"id":13,"result":{"contents":[{"uri":"users://@/profile","text":"@"}]}}"#,
    ),
    (
        true,
        r#"{"id":14,"method":"resources/read","params":{"uri":"users://@/@/profile"}}"#,
    ),
    (
        false,
        r#"{"id":14,"error":{"code":-32002,"message":"@","data":{"uri":"@"}}}"#,
    ),
    (
        true,
        r#"{"id":15,"method":"resources/read","params":{"uri":"/home/@: @"}}"#,
    ),
    (false, r#"{"id":15,"result":{"contents":[{"text":"@"}]}}"#),
    // A task of 2026-07-28, whose result comes within the answer to a question for it.
    (
        true,
        r#"{"id":16,"method":"tools/call","params":{"name":"book","arguments":{"city":"@"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    ),
    (
        false,
        r#"{"id":16,"result":{"resultType":"task","taskId":"@16","status":"working","statusMessage":"@"}}"#,
    ),
    (true, r#"{"id":17,"method":"tasks/get","params":{"taskId":"@16"}}"#),
    (
        false,
        r#"{"id":17,"result":{"resultType":"complete","taskId":"@16","status":"input_required","inputRequests":{"@":{"params":{"message":"@"}}}}}"#,
    ),
    (
        true,
        r#"{"id":18,"method":"tasks/update","params":{"taskId":"@16","inputResponses":{"@":{"content":{"@":"@"}}}}}"#,
    ),
    (false, r#"{"id":18,"result":{"resultType":"complete"}}"#),
    (true, r#"{"id":19,"method":"tasks/get","params":{"taskId":"@16"}}"#),
    (
        false,
        r#"{"id":19,"result":{"resultType":"complete","taskId":"@16","status":"completed","result":{"content":[{"type":"text","text":"@"}],"structuredContent":{"@":"@"}}}}"#,
    ),
    // Two more, of which the server tells by itself.
    (true, r#"{"id":20,"method":"tools/call","params":{"name":"book"}}"#),
    (
        false,
        r#"{"id":20,"result":{"resultType":"task","taskId":"@20","status":"working"}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/tasks","params":{"taskId":"@20","status":"completed","result":{"content":[{"type":"text","text":"@"}],"structuredContent":"@"}}}"#,
    ),
    (true, r#"{"id":21,"method":"tools/call","params":{"name":"book"}}"#),
    (
        false,
        r#"{"id":21,"result":{"resultType":"task","taskId":"@21","status":"working"}}"#,
    ),
    (
        false,
        r#"{"method":"notifications/tasks","params":{"taskId":"@21","status":"failed","error":{"code":-32603,"message":"@","data":"@"}}}"#,
    ),
    // What the client does as a task (2025-11-25).
    (
        false,
        r#"{"id":22,"method":"elicitation/create","params":{"message":"@","task":{"ttl":1}}}"#,
    ),
    (
        true,
        r#"{"id":22,"result":{"task":{"taskId":"@22","status":"working","statusMessage":"@"}}}"#,
    ),
    (false, r#"{"id":23,"method":"tasks/result","params":{"taskId":"@22"}}"#),
    (true, r#"{"id":23,"result":{"action":"accept","content":{"@":"@"}}}"#),
];
