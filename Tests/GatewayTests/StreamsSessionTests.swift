// StreamsSessionTests: connecting, subscribing, properties, and everything malformed.

import Market
import Testing

@testable import Gateway

@Suite struct StreamsSessionTests {
  private func session(_ path: String, _ query: String = "") throws -> StreamSession {
    try StreamSession(path: path, query: Array(query.utf8))
  }

  /// Answers as text, everything else as a short word.
  private func send(
    _ session: inout StreamSession, _ text: String, time: Int64 = 0
  ) -> [String] {
    session.receive(Array(text.utf8), time: time).map { output in
      switch output {
      case .subscribe(let key): "+\(key.name)"
      case .unsubscribe(let key): "-\(key.name)"
      case .send(let bytes): String(decoding: bytes, as: UTF8.self)
      case .close(let code, let reason): "close \(code) \(reason)"
      }
    }
  }

  private func failure(_ code: Int, _ message: String, id: String = "null") -> [String] {
    ["{\"error\":{\"code\":\(code),\"msg\":\"\(message)\"},\"id\":\(id)}"]
  }

  // MARK: Paths

  @Test(
    arguments: [
      ("/ws", "", false, []), ("/ws/", "", false, []),
      ("/ws/btcusdt@trade", "", false, ["btcusdt@trade"]),
      ("/ws/btcusdt%40depth%40100ms", "", false, ["btcusdt@depth@100ms"]),
      ("/ws/a@trade/b@trade", "", false, ["a@trade", "b@trade"]), ("/ws/0", "", false, []),
      ("/stream", "", true, []),
      ("/stream", "streams=a@trade/b@depth", true, ["a@trade", "b@depth"]),
      ("/stream", "streams=a@trade%2Fa@trade&x=1", true, ["a@trade"]),
      ("/stream/ws", "", false, []), ("/stream/ws/0", "", false, []),
    ] as [(String, String, Bool, [String])])
  func `paths name streams and form`(
    path: String, query: String, combined: Bool, streams: [String]
  ) throws {
    let session = try session(path, query)
    #expect(session.combined == combined)
    #expect(session.streams == streams)
    #expect(StreamSession.serves(path: path))
  }

  @Test func `other paths are not streams`() {
    for path in ["/", "/api/v3/ping", "/wsx", "/ws-api/v3", "/streams", "/stream/x", ""] {
      #expect(!StreamSession.serves(path: path))
      #expect(throws: APIError.notFound) { try session(path) }
    }
  }

  @Test func `the time unit comes from the address`() throws {
    #expect(try session("/ws/a@trade").unit == .millisecond)
    #expect(try session("/ws/a@trade", "timeUnit=MICROSECOND").unit == .microsecond)
    #expect(try session("/stream", "streams=a@trade&timeUnit=microsecond").unit == .microsecond)
    #expect(throws: APIError.timeUnit) { try session("/ws", "timeUnit=SECOND") }
    #expect(
      try session("/ws/a@trade", "timeUnit=MICROSECOND").keys
        == [StreamKey(name: "a@trade", unit: .microsecond)])
  }

  @Test func `an address with too many or broken names is refused`() throws {
    let names = (0...StreamSession.streamsMax).map { "s\($0)@trade" }
    #expect(throws: APIError.tooLarge) {
      try session("/stream", "streams=" + names.joined(separator: "/"))
    }
    let most = try session("/stream", "streams=" + names.dropLast().joined(separator: "/"))
    #expect(most.streams.count == 1024)
    #expect(throws: APIError.illegalCharacters) { try session("/ws/%zz") }
    #expect(throws: APIError.illegalCharacters) { try session("/ws/a%20b") }
  }

  // MARK: Methods

  @Test func `SUBSCRIBE and UNSUBSCRIBE answer null and echo the id as it was sent`() throws {
    var session = try session("/ws")
    #expect(
      send(&session, "{\"method\":\"SUBSCRIBE\",\"params\":[\"a@trade\",\"b@depth\"],\"id\":1}")
        == ["{\"result\":null,\"id\":1}", "+a@trade", "+b@depth"])
    #expect(
      send(&session, "{\"id\":\"uuid-1\",\"method\":\"SUBSCRIBE\",\"params\":[\"a@trade\"]}")
        == ["{\"result\":null,\"id\":\"uuid-1\"}"])
    #expect(
      send(&session, "{\"method\":\"LIST_SUBSCRIPTIONS\",\"id\":null}")
        == ["{\"result\":[\"a@trade\",\"b@depth\"],\"id\":null}"])
    #expect(
      send(&session, "{\"method\":\"UNSUBSCRIBE\",\"params\":[\"a@trade\",\"zz\"],\"id\":-3}")
        == ["-a@trade", "{\"result\":null,\"id\":-3}"])
    #expect(
      send(&session, "{\"method\":\"LIST_SUBSCRIPTIONS\"}") == [
        "{\"result\":[\"b@depth\"],\"id\":null}"
      ])
  }

  @Test func `the combined form is a property`() throws {
    var session = try session("/ws")
    func get(_ id: Int) -> [String] {
      send(
        &session, "{\"method\":\"GET_PROPERTY\",\"params\":[\"combined\"],\"id\":\(id)}", time: 0)
    }
    #expect(get(1) == ["{\"result\":false,\"id\":1}"])
    #expect(
      send(&session, "{\"method\":\"SET_PROPERTY\",\"params\":[\"combined\",true],\"id\":2}")
        == ["{\"result\":null,\"id\":2}"])
    #expect(get(3) == ["{\"result\":true,\"id\":3}"])
    #expect(session.combined)
  }

  // MARK: Refusals

  @Test(
    arguments: [
      ("{\"method\":\"SET_PROPERTY\",\"params\":[\"other\",true],\"id\":1}", 0, "Unknown property"),
      (
        "{\"method\":\"SET_PROPERTY\",\"params\":[\"combined\",1],\"id\":1}", 1,
        "Invalid value type: expected Boolean"
      ),
      (
        "{\"method\":\"SET_PROPERTY\",\"params\":[\"combined\"],\"id\":1}", 1,
        "Invalid value type: expected Boolean"
      ),
      (
        "{\"method\":\"GET_PROPERTY\",\"params\":[5],\"id\":1}", 2,
        "Invalid request: property name must be a string"
      ),
      (
        "{\"method\":\"GET_PROPERTY\",\"params\":[\"combined\",true],\"id\":1}", 2,
        "Invalid request: too many parameters"
      ),
      (
        "{\"method\":\"SUBSCRIBE\",\"params\":[7],\"id\":1}", 2, "Invalid request: invalid stream"
      ),
      (
        "{\"method\":\"SUBSCRIBE\",\"params\":[\"a b\"],\"id\":1}", 2,
        "Invalid request: invalid stream"
      ),
      (
        "{\"method\":\"SUBSCRIBE\",\"params\":[\"\"],\"id\":1}", 2,
        "Invalid request: invalid stream"
      ),
      (
        "{\"method\":\"SUBSCRIBE\",\"id\":1}", 2,
        "Invalid request: missing field `params` at line 1 column 29"
      ),
      (
        "{\"method\":\"SUBSCRIBE\",\"params\":\"a\",\"id\":1}", 2,
        "Invalid request: params must be an array"
      ),
      (
        "{\"params\":[],\"id\":1}", 2, "Invalid request: missing field `method` at line 1 column 20"
      ),
      (
        "{\"method\":\"SUBSCRIB\",\"params\":[],\"id\":1}", 2,
        "Invalid request: unknown variant `SUBSCRIB`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
          + "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 20"
      ),
    ] as [(String, Int, String)])
  func `a malformed request is refused with its id`(
    text: String, code: Int, message: String
  ) throws {
    var session = try session("/ws/a@trade")
    let before = session.streams
    #expect(send(&session, text) == failure(code, message, id: "1"))
    #expect(session.streams == before)
    #expect(!session.combined)
  }

  @Test func `an id that cannot be echoed is refused`() throws {
    let long = String(repeating: "x", count: 37)
    for id in ["1.5", "true", "{}", "[1]", "99999999999999999999", "\"\(long)\""] {
      var session = try session("/ws")
      #expect(
        send(&session, "{\"method\":\"LIST_SUBSCRIPTIONS\",\"id\":\(id)}")
          == failure(2, "Invalid request: request ID must be an unsigned integer"))
    }
  }

  @Test func `text that is no JSON is refused with its place`() throws {
    var session = try session("/ws")
    #expect(send(&session, "") == failure(3, "Invalid JSON: expected value at line 1 column 1"))
    #expect(
      send(&session, "{\n \"id\": x}")
        == failure(3, "Invalid JSON: expected value at line 2 column 8"))
    #expect(send(&session, "[]") == failure(2, "Invalid request: expected a JSON object"))
    let deep = String(repeating: "[", count: 60)
    #expect(send(&session, deep).first?.hasPrefix("{\"error\":{\"code\":3,") == true)
  }

  // MARK: Limits

  @Test func `a connection has at most 1,024 streams, and a refused SUBSCRIBE adds none`() throws {
    let names = (0..<1023).map { "s\($0)@trade" }
    var session = try session("/stream", "streams=" + names.joined(separator: "/"))
    #expect(
      send(&session, "{\"method\":\"SUBSCRIBE\",\"params\":[\"x@trade\",\"y@trade\"],\"id\":1}")
        == failure(2, "Invalid request: too many streams; at most 1024", id: "1"))
    #expect(session.streams.count == 1023)
    #expect(
      send(&session, "{\"method\":\"SUBSCRIBE\",\"params\":[\"x@trade\",\"s1@trade\"],\"id\":2}")
        == ["{\"result\":null,\"id\":2}", "+x@trade"])
  }

  @Test func `a message full of short names is refused as one, repetitions count once`() throws {
    var session = try session("/ws")
    let many = (0..<4000).map { "\"\(String($0, radix: 36))@trade\"" }.joined(separator: ",")
    #expect(
      send(&session, "{\"method\":\"SUBSCRIBE\",\"params\":[\(many)],\"id\":1}")
        == failure(2, "Invalid request: too many streams; at most 1024", id: "1"))
    #expect(session.streams.isEmpty)
    let same = Array(repeating: "\"a@trade\"", count: 5000).joined(separator: ",")
    #expect(
      send(&session, "{\"method\":\"SUBSCRIBE\",\"params\":[\(same)],\"id\":2}")
        == ["{\"result\":null,\"id\":2}", "+a@trade"])
  }

  @Test func `names under which nothing is served are accepted and not remembered`() throws {
    let long = String(repeating: "x", count: 21)
    let names = ["a@nothing", "A@trade", "0", "!ticker@arr", "\(long)@trade"]
    var session = try session("/stream", "streams=" + names.joined(separator: "/"))
    #expect(session.streams.isEmpty && session.keys.isEmpty)
    let quoted = names.map { "\"\($0)\"" }.joined(separator: ",")
    #expect(
      send(&session, "{\"method\":\"SUBSCRIBE\",\"params\":[\(quoted),\"a@trade\"],\"id\":1}")
        == ["{\"result\":null,\"id\":1}", "+a@trade"])
    #expect(
      send(&session, "{\"method\":\"LIST_SUBSCRIPTIONS\",\"id\":2}")
        == ["{\"result\":[\"a@trade\"],\"id\":2}"])
    #expect(
      send(&session, "{\"method\":\"UNSUBSCRIBE\",\"params\":[\(quoted)],\"id\":3}")
        == ["{\"result\":null,\"id\":3}"])
    let many = (0..<4000).map { "\"x\($0)\"" }.joined(separator: ",")
    #expect(
      send(
        &session, "{\"method\":\"SUBSCRIBE\",\"params\":[\(many)],\"id\":4}", time: 2_000_000)
        == ["{\"result\":null,\"id\":4}"])
    #expect(session.streams == ["a@trade"])
  }

  @Test func `interest is the sum of its changes`() {
    let key = StreamKey(name: "a@trade", unit: .millisecond)
    var interest = StreamInterest()
    interest.change(key, by: 3)
    #expect(interest.count(key) == 3 && interest.wanted("a").count == 1)
    interest.change(key, by: -2)
    #expect(interest.count(key) == 1 && interest.wanted("a").count == 1)
    interest.change(key, by: 0)
    interest.change(key, by: -5)
    #expect(interest.count(key) == 0 && interest.wanted("a").isEmpty && interest.isEmpty)
    interest.remove(key)
    #expect(interest.isEmpty)
    interest.add(key)
    #expect(interest.count(key) == 1)
  }

  @Test func `the sixth frame within a second ends the connection, control frames count`() throws {
    var session = try session("/ws")
    let list = "{\"method\":\"LIST_SUBSCRIPTIONS\",\"id\":1}"
    for second in 0..<3 as Range<Int64> {
      for _ in 0..<4 { #expect(send(&session, list, time: second * 1_000_000).count == 1) }
      let quiet = session.receivedControlFrame(time: second * 1_000_000 + 999_999)
      #expect(quiet.isEmpty)
    }
    let over = session.receivedControlFrame(time: 2_999_999)
    #expect(over == [.close(code: 1008, reason: "Too many requests")])
    #expect(send(&session, list, time: 2_999_999) == ["close 1008 Too many requests"])
  }

  @Test func `a message above the limit ends the connection`() throws {
    var session = try session("/ws")
    let text = String(repeating: " ", count: StreamSession.messageBytesMax + 1)
    #expect(send(&session, text) == ["close 1009 Message too long"])
  }

  @Test func `names that are served parse, others are nothing`() {
    #expect(StreamName("btcusdt@kline_1M")?.kind == .candle(.month1))
    #expect(StreamName("btcusdt@kline_1m")?.kind == .candle(.minute1))
    #expect(StreamName("btcusdt@depth20@100ms")?.kind == .partialDepth(levels: 20))
    #expect(StreamName("btcusdt@depth@1000ms")?.kind == .depth)
    for name in [
      "", "@", "@trade", "btcusdt", "BTCUSDT@trade", "btcusdt@kline_", "btcusdt@kline_7m",
      "btcusdt@depth7", "btcusdt@depth@10ms", "!ticker@arr", "btcusdt@trade@",
    ] {
      #expect(StreamName(name) == nil, "\(name)")
    }
  }
}
