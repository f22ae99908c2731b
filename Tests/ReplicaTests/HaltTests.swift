// HaltTests: an entry that this program cannot apply stops it in place, and it says why.

import Engine
import Raft
import Testing

@testable import Replica

@Suite struct HaltTests {
  @Test func `an entry of a newer level halts apply with a reason, and new writes are refused`()
    throws
  {
    let members = Configuration(voters: [Member(id: NodeID(1), incarnation: 10)])
    var newer = EntryPayload.encode(stamp: 5, requests: [])
    newer[3] = 9
    func id(_ index: UInt64) -> EntryID { EntryID(term: Term(1), index: LogIndex(index)) }
    let entries = [
      Entry(id: id(1), kind: .configuration, payload: members?.encoded ?? []),
      Entry(id: id(2), kind: .command, payload: newer),
      Entry(id: id(3), kind: .noop, payload: []),
    ]
    var node = try GreetingTests.coordinator(
      1, voters: [1],
      restored: RestoredReplica(
        hardState: HardState(term: Term(1), vote: nil, commit: LogIndex(3)), last: id(3),
        entries: entries))
    var effects = Effects()
    node.flush(GreetingTests.now, &effects)
    #expect(node.appliedIndex == 1)
    let faults = GreetingTests.faults(node)
    #expect(faults.contains("apply halted at index 2"))
    #expect(faults.contains("newer program"))
    #expect(node.ready == false)
    node.submit(
      [Submission(ticket: 1, request: EntryPayloadTests.request)], GreetingTests.now, &effects)
    #expect(effects.answers.map(\.outcome) == [.overloaded])
    #expect(effects.runs.map(\.lastIndex) == [1])
  }
}
