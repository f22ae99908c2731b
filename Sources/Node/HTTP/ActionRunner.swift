// ActionRunner: does what the Gateway asks for: submits writes, routes reads, issues barriers.
//
// Not here: how requests become actions (services), who answers (core and publisher).

import Gateway
import Market
import Replica

/// Carries actions from an event loop to the threads that can answer them.
struct ActionRunner: Sendable {
  let queues: NodeQueues
  let metrics: Metrics

  /// Answers through `reply`, at once or when the answer comes.
  func run(
    _ action: Action, _ request: HTTPRequest, _ reply: ReplySlot, on loop: LoopState,
    service: any HTTPService
  ) {
    switch action {
    case .respond(let response): reply.send(response)
    case .write(let command, let render):
      guard let ticket = loop.issue(.write(reply, render)) else {
        return reply.send(render(.overloaded))
      }
      metrics.submitted.add()
      let event = CoreEvent.submit(Submission(ticket: ticket, request: command))
      if !queues.core.offer(event) { loop.withdraw(.outcome(ticket, .overloaded)) }
    case .read(let linearizable, let answer):
      ask(answer, linearizable, .read(reply), on: loop)
    case .control(let control, let render):
      guard let ticket = loop.issue(.control(reply, render)) else {
        return reply.send(ServiceReply.overloaded)
      }
      if !queues.core.offer(.control(control, ticket: ticket)) {
        loop.withdraw(.response(ticket, ServiceReply.overloaded))
      }
    case .barrier:
      ask(nil, true, .barrier(reply, request, service), on: loop)
    }
  }

  private func ask(
    _ answer: (@Sendable (ReadModel) -> HTTPResponse)?, _ linearizable: Bool,
    _ waiting: LoopState.Waiting, on loop: LoopState
  ) {
    guard let ticket = loop.issue(waiting) else { return loop.overload(waiting) }
    let until = SystemClock.monotonic() + LoopState.patience
    let query = Query(ticket: ticket, answer: answer, until: until)
    let taken =
      linearizable ? queues.core.offer(.read(query)) : queues.publisher.offer(.query(query))
    if !taken { loop.withdraw(.response(ticket, ServiceReply.overloaded)) }
  }
}
