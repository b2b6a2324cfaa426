// English: what the forms that plan and change a space say.

export default {
  "plan.name": "Title",
  "plan.starts": "Day and time",
  "plan.about": "What it is about",
  "plan.topics": "Topics",
  "plan.topics.text": "Up to five, with commas between them.",
  "plan.seats": "Seats on stage",
  "plan.seats.text": "Hosts and co-hosts always get one.",
  "plan.grace": "Seconds a lost host has to come back",
  "plan.grace.text": "Then a co-host on stage takes over.",
  "plan.keep": "Days to keep the recording",
  "plan.keep.text": "Empty: as long as this service does; never longer.",
  "plan.names": "Show names of some who listen",
  "plan.auto": "Open the doors by itself then",
  "plan.who": "Who may come",
  "plan.public": "Everybody; the front page lists it",
  "plan.unlisted": "Whoever knows the link",
  "plan.invite": "Only who was invited",
  "plan.open": "Open stage: everybody may speak",
};
