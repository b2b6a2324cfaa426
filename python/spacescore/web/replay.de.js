// Deutsch: was nur die Nachhörseite sagt.

export default {
  "replay.looking": "Die Aufzeichnung wird gesucht",
  "replay.player": "Die Aufzeichnung",
  "replay.lanes": "Wer zu hören ist",
  "replay.lanes.none": "Bei dieser Aufzeichnung wurde niemand vermerkt.",
  "replay.chapters": "Kapitel",
  "replay.download": "Herunterladen",
  "replay.publish": "Veröffentlichen",
  "replay.private": "Nicht mehr zeigen",
  "replay.published": "Alle mit dem Link können das hören.",
  "replay.yours": "Nur du als Host kannst das hören.",
  "replay.delete": "Löschen",
  "replay.delete.title": "Diese Aufzeichnung löschen?",
  "replay.delete.text": "Danach kann sie niemand mehr hören, auch du nicht.",
  "replay.delete.no": "Behalten",
  "replay.deleted": "Die Aufzeichnung ist gelöscht.",
  "replay.none": "Hier ist keine Aufzeichnung",
  "replay.none.text": "Vielleicht ist sie nicht öffentlich, gelöscht oder noch im Gange. Der Host hat den Link, der sie öffnet.",
  "replay.failed": "Das hat nicht geklappt",
};
