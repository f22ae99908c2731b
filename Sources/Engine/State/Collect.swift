// Collect: encoding the rows that commands changed, and keeping the state hash in step with them.
//
// A record that changed many times since the last collection is encoded once.
// Invariants: afterwards the state hash is the sum of the hashes of all rows; the batch turns the
// stored rows of the last collection into those of now; the hash does not depend on when rows were
// collected.
// Not here: layouts (RowKeys, RowValues).

import Wire

extension Exchange {
  /// Appends the rows that changed since the last call, and brings `stateHash` up to date.
  /// - Complexity: O(changed rows).
  public mutating func collectRows(into batch: inout RowBatch) {
    batch.append(written)
    written.removeAll()
    collectBalances(&batch)
    collectOrders(&batch)
    collectWindows(&batch)
    collectSymbols(&batch)
    collectClosedIDs(&batch)
  }

  private mutating func put(
    _ batch: inout RowBatch, _ key: [UInt8], _ value: [UInt8], replacing old: UInt128
  ) -> UInt128 {
    let hash = RowHash.of(key: key, value: value)
    stateHash = stateHash &- old &+ hash
    batch.put(key, value)
    return hash
  }

  private mutating func collectBalances(_ batch: inout RowBatch) {
    for name in ledger.dirty {
      let balance = ledger.balance(name.account, name.asset)
      let old = balance.tag.hash
      let key = EngineRows.balanceKey(account: accounts.id(name.account), asset: name.asset)
      if balance.free != 0 || balance.locked != 0 {
        let value = RowValues.balance(free: balance.free, locked: balance.locked)
        ledger.clean(name, hash: put(&batch, key, value, replacing: old))
      } else {
        if old != 0 {
          stateHash &-= old
          batch.delete(key)
        }
        ledger.clean(name, hash: 0)
      }
    }
    ledger.forgetDirty()
  }

  private mutating func collectOrders(_ batch: inout RowBatch) {
    for slot in book.orders.dirty {
      guard book.orders[slot].live else {
        book.orders.clean(slot, hash: nil)
        continue
      }
      let detail = book.orders.detail(slot)
      let value = RowValues.openOrder(detail.view, priority: detail.priority)
      let hash = put(&batch, book.orders.rowKey(slot), value, replacing: detail.hash)
      book.orders.clean(slot, hash: hash)
    }
    book.orders.forgetDirty()
  }

  private mutating func collectWindows(_ batch: inout RowBatch) {
    for place in accounts.dirtyWindows {
      let old = accounts.states[place].windowsTag.hash
      let key = EngineRows.orderCounts(account: accounts.id(place))
      let value = RowValues.orderCounts(accounts.states[place].windows)
      accounts.states[place].windowsTag.hash = put(&batch, key, value, replacing: old)
      accounts.states[place].windowsTag.dirty = false
    }
    accounts.dirtyWindows.removeAll(keepingCapacity: true)
  }

  private mutating func collectSymbols(_ batch: inout RowBatch) {
    for place in symbols.dirtyCounters {
      let state = symbols.states[place]
      let key = RowKeys.of(RowKind.symbolCounters, state.id.value)
      let value = RowValues.counters(state.counters)
      let hash = put(&batch, key, value, replacing: state.countersTag.hash)
      symbols.cleanCounters(place, hash: hash)
    }
    for bucket in symbols.dirtyBuckets {
      let owner = symbols.bucketOwners[Int(bucket)]
      let content = symbols.buckets[Int(bucket)]
      let key = RowKeys.of(
        RowKind.averagePrice, symbols.states[owner.symbol].id.value, owner.number)
      let value = RowValues.bucket(content)
      symbols.cleanBucket(bucket, hash: put(&batch, key, value, replacing: content.hash.hash))
    }
    symbols.forgetDirty()
  }

  private mutating func collectClosedIDs(_ batch: inout RowBatch) {
    for entry in clientIDs.evicted {
      let (key, value) = closedRow(entry)
      stateHash &-= RowHash.of(key: key, value: value)
      batch.delete(key)
    }
    for slot in clientIDs.dirty {
      guard clientIDs[slot].live else {
        clientIDs.skip(slot)
        continue
      }
      let (key, value) = closedRow(clientIDs[slot])
      _ = put(&batch, key, value, replacing: 0)
      clientIDs.clean(slot)
    }
    clientIDs.forgetDirty()
    if clientIDs.nextSequence != countersWritten {
      let value = RowValues.engineCounters(nextClosedID: clientIDs.nextSequence)
      let key = RowKeys.of(RowKind.engineCounters)
      countersHash = put(&batch, key, value, replacing: countersHash)
      countersWritten = clientIDs.nextSequence
    }
  }

  private func closedRow(_ entry: ClosedID) -> (key: [UInt8], value: [UInt8]) {
    let stored = StoredClosedID(
      account: accounts.id(entry.account), fingerprint: entry.fingerprint,
      closedAt: entry.closedAt)
    return (RowKeys.of(RowKind.closedID, entry.sequence), RowValues.closedID(stored))
  }
}
