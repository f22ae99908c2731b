// Action: what the node has to do with a parsed request, and what it tells the renderer afterwards.
// Not here: how it is done (Node, Replica).

import Engine
import Market

/// What a request asks of the node.
public enum Action: Sendable {
  /// Answered without looking at replicated state.
  case respond(HTTPResponse)
  /// Submit the command; answer with what `render` makes of its outcome.
  case write(Request, render: @Sendable (WriteOutcome) -> HTTPResponse)
  /// Answer on the publisher thread. `linearizable`: after a read index that was drawn for this request.
  case read(linearizable: Bool, answer: @Sendable (ReadModel) -> HTTPResponse)
  /// The key is unknown here: do one read index and publisher pass, then `handle` again with `isRetry`.
  case barrier
  /// Ask the node's own machinery; answer with what `render` makes of the outcome. Admin port only.
  case control(ControlRequest, render: @Sendable (ControlOutcome) -> HTTPResponse)
}

/// How a submitted command ended.
public enum WriteOutcome: Sendable {
  /// Applied (perhaps as a refusal) at log index `index`, time `stamp` in microseconds.
  case reply(Reply, index: UInt64, stamp: Int64)
  /// Definite: never executed, its deadline passed first.
  case expired
  /// It may or may not have been executed.
  case unknown
  /// Never taken: too much is under way.
  case overloaded
  /// The leader does not put it into the log; one sentence says why.
  case refused(String)
  /// Never taken: no leader was found in time.
  case noLeader
}
