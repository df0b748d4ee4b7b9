/** `anax export --cluster` and `anax import --cluster`: a cluster as lines of JSON. Nodes may run meanwhile. */
import { openClusterExport, openClusterImport } from '../../index.js'
import { exportStore, importStore } from '../../transfer/index.js'
import { clusterOn } from '../cluster.js'
import type { ClusterSettings } from '../options/cluster.js'
import { printCounts, recordsFrom, writeRecords } from './record-files.js'

export async function exportCluster(settings: ClusterSettings, file: string | undefined): Promise<void> {
  const source = await openClusterExport(await clusterOn(settings))
  try {
    await writeRecords(exportStore(source), file)
  } finally {
    await source.close()
  }
}

export async function importIntoCluster(settings: ClusterSettings, file: string | undefined): Promise<void> {
  const target = await openClusterImport(await clusterOn(settings))
  try {
    const counts = await importStore(target, recordsFrom(file))
    // it says here if something is missing
    await target.close()
    printCounts('the cluster', counts)
  } catch (error) {
    await target.close().catch(() => {})
    throw error
  }
}
