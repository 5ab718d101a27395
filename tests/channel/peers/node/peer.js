// Reads a channel's TUF repository with tuf-js, as a client that knows nothing of Overt.
// node peer.js METADATA_DIR METADATA_URL TARGETS_DIR TARGETS_URL TARGET -> one line of JSON
'use strict';

const { Updater } = require('tuf-js');

async function main([metadataDir, metadataBaseUrl, targetDir, targetBaseUrl, target]) {
  const config = { fetchRetry: 0, fetchTimeout: 10000 };
  const updater = new Updater({ metadataDir, metadataBaseUrl, targetDir, targetBaseUrl, config });
  try {
    await updater.refresh();
    const info = await updater.getTargetInfo(target);
    if (!info) return { error: 'NoSuchTarget' };
    const path = await updater.downloadTarget(info);
    return { path, length: info.length, hashes: info.hashes };
  } catch (error) {
    return { error: error.constructor.name, message: String(error.message) };
  }
}

main(process.argv.slice(2)).then((answer) => console.log(JSON.stringify(answer)));
