// ClientService: the client port's requests.
//
// Not here: what they mean (Gateway's RESTAPI).

import Gateway
import Replica
import Synchronization

/// Serves `/api/v3` and `/sapi`.
final class ClientService: HTTPService {
  private let api: RESTAPI
  private let secrets: SecretBox
  private let limiters: LimiterShards
  private let shared: NodeShared
  private let runner: ActionRunner

  init(settings: EdgeSettings, secrets: SecretBox, shared: NodeShared, queues: NodeQueues) {
    api = RESTAPI(settings: settings)
    self.secrets = secrets
    limiters = LimiterShards(settings)
    self.shared = shared
    runner = ActionRunner(queues: queues, metrics: shared.metrics)
  }

  func handle(_ request: HTTPRequest, _ reply: ReplySlot, on loop: LoopState, isRetry: Bool) {
    var grouped = request
    grouped.address = AddressGroup.of(request.address)
    let counted = grouped
    let catalog = shared.catalog.withLock { $0 }
    let time = shared.clusterTime
    let action = limiters.with(counted.address) { limiter in
      api.handle(
        counted, catalog: catalog, secrets: secrets, time: time, limiter: &limiter,
        isRetry: isRetry)
    }
    runner.run(action, counted, reply, on: loop, service: self)
  }

  func finish(_ response: HTTPResponse, address: String) -> HTTPResponse {
    let time = shared.clusterTime
    let address = AddressGroup.of(address)
    return limiters.with(address) { limiter in
      var finished = response
      api.finish(&finished, address: address, time: time, limiter: &limiter)
      return finished
    }
  }
}
