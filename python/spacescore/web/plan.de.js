// Deutsch: was die Formulare sagen, die einen Raum planen und ändern.

export default {
  "plan.name": "Titel",
  "plan.starts": "Tag und Uhrzeit",
  "plan.about": "Worum es geht",
  "plan.topics": "Themen",
  "plan.topics.text": "Bis zu fünf, mit Kommas dazwischen.",
  "plan.seats": "Plätze auf der Bühne",
  "plan.seats.text": "Hosts und Co-Hosts bekommen immer einen.",
  "plan.grace": "Sekunden, die ein Host zum Wiederkommen hat",
  "plan.grace.text": "Danach übernimmt ein Co-Host auf der Bühne.",
  "plan.keep": "Tage, die die Aufnahme bleibt",
  "plan.keep.text": "Leer: so lange wie bei diesem Dienst üblich; nie länger.",
  "plan.names": "Namen einiger Zuhörender zeigen",
  "plan.auto": "Türen dann von selbst öffnen",
  "plan.who": "Wer darf kommen",
  "plan.public": "Alle; der Raum steht auf der Startseite",
  "plan.unlisted": "Wer den Link kennt",
  "plan.invite": "Nur wer eingeladen ist",
  "plan.open": "Offene Bühne: Alle dürfen sprechen",
};
