// English: what only the replay says.

export default {
  "replay.looking": "Looking for the recording",
  "replay.player": "The recording",
  "replay.lanes": "Who is heard",
  "replay.lanes.none": "Nobody was noted while this was recorded.",
  "replay.chapters": "Chapters",
  "replay.download": "Download",
  "replay.publish": "Publish",
  "replay.private": "Make private",
  "replay.published": "Everybody with the link can hear this.",
  "replay.yours": "Only you, who run the space, can hear this.",
  "replay.delete": "Delete",
  "replay.delete.title": "Delete this recording?",
  "replay.delete.text": "Nobody can hear it any more, you included.",
  "replay.delete.no": "Keep it",
  "replay.deleted": "The recording is deleted.",
  "replay.none": "No recording here",
  "replay.none.text": "It may be private, deleted, or still going on. Its host has the link that opens it.",
  "replay.failed": "That did not work",
};
